// Messages come out of a stream as they were sent, however their bytes were cut.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FrameDecoder, HEAD_BYTES } from './frame-decoder.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function frame(message: Uint8Array, compressed = 0): Buffer {
  const head = Buffer.alloc(HEAD_BYTES, compressed);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

describe('frames', () => {
  it('are whole and in order, empty ones too', () => {
    const sent = fc.array(fc.record({ message: fc.uint8Array({ maxLength: 300 }), compressed: fc.constantFrom(0, 1) }), { maxLength: 4 });
    fc.assert(
      fc.property(sent, fc.integer({ min: 1, max: 700 }), (messages, size) => {
        const frames = messages.map(({ message, compressed }) => frame(message, compressed));
        const decoder = new FrameDecoder(300);
        const decoded = cut(Buffer.concat(frames), size).flatMap((piece) => decoder.write(piece));
        expect(decoded.map((bytes) => bytes.toString('hex'))).toEqual(frames.map((bytes) => bytes.toString('hex')));
      }),
      { numRuns: 200 },
    );
  });

  it('lie so that what stands at their end is aligned, whatever is in front of it', () => {
    for (let length = 1; length < 40; length++) {
      const [decoded] = new FrameDecoder(64).write(frame(new Uint8Array(length)));
      expect(((decoded?.byteOffset ?? 1) + (decoded?.byteLength ?? 0)) % 8).toBe(0);
    }
  });

  it('of messages that are larger than the limit are refused by their head alone', () => {
    const [head = Buffer.alloc(0)] = cut(frame(new Uint8Array(11)), HEAD_BYTES);
    expect(() => new FrameDecoder(10).write(head)).toThrow('larger than');
    expect(new FrameDecoder(11).write(head)).toEqual([]);
  });

  it('that come a byte at a time take little more memory than their bytes', () => {
    const count = 256 * 1024;
    const sent = frame(new Uint8Array(32 * 1024 * 1024)).subarray(0, count);
    const decoder = new FrameDecoder(Infinity);
    const used = (): number => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = used();
    for (let at = 0; at < count; at++) decoder.write(sent.subarray(at, at + 1));
    expect(used() - before).toBeLessThan(16 * count);
    expect(decoder.write(Buffer.alloc(0))).toEqual([]);
  });

  it('that are announced and do not come take no memory', () => {
    const [head = Buffer.alloc(0)] = cut(frame(new Uint8Array(32 * 1024 * 1024)), HEAD_BYTES + 1);
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 8 }, () => new FrameDecoder(Infinity));
    for (const decoder of decoders) expect(decoder.write(head)).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
  });
});
