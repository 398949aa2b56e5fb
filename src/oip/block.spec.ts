// Memory of bodies: given back once nothing of it is used, and never while something is.
import { describe, expect, it } from '@jest/globals';
import { releaseBlock, takeBlock } from './block.js';
import { dataFromBytes } from './raw-tensor.js';

const tensorOf = (bytes: Uint8Array, count: number) => {
  const datatype = 'FP64';
  return { name: 'x', datatype, shape: [count], data: dataFromBytes(bytes, datatype, [count], 'x') } as const;
};

it('the tensor at the end of a body of any length is a view of it', () => {
  for (let head = 0; head < 20; head++) {
    const body = takeBlock(head + 16);
    expect((tensorOf(body.subarray(head), 2).data as Float64Array).buffer).toBe(body.buffer);
  }
});

describe('a body', () => {
  it('is given back once its tensors were copied', () => {
    for (let length = 8192; length < 8200; length++) {
      const body = takeBlock(length);
      releaseBlock(body, [tensorOf(new Uint8Array(8), 1)]);
      expect((body.buffer as ArrayBuffer).detached).toBe(true);
    }
  });

  it('stays while a tensor lies in it, or something else may', () => {
    const body = takeBlock(8192);
    releaseBlock(body, [tensorOf(body, 1024)]);
    const half = takeBlock(16_384).subarray(8192);
    releaseBlock(half, []);
    for (const { buffer } of [body, half]) expect((buffer as ArrayBuffer).detached).toBe(false);
  });

  it('of a message goes with the head in front of it', () => {
    const frame = takeBlock(8197);
    releaseBlock(frame.subarray(5), [], 5);
    expect((frame.buffer as ArrayBuffer).detached).toBe(true);
  });
});
