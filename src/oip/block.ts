// The memory of a body or message: taken so that the tensors in it lie aligned, given back once they were read.
import type { Tensor } from '../tensor.js';

/** Of the widest elements. */
const ALIGNMENT = 8;
/** Smaller blocks are left to the collector, which frees them beside the event loop. */
const RELEASED_FROM_BYTES = 4 * 1024;

/**
 * Memory of its own, not zeroed; the pool's blocks are shared and seldom aligned. Its end is aligned: there lies the tensor of most formats,
 * behind a head of any length. 16 MiB that are not aligned are copied in 3 to 15 ms.
 */
export function takeBlock(length: number): Buffer {
  const end = Math.ceil(length / ALIGNMENT) * ALIGNMENT;
  return Buffer.allocUnsafeSlow(end).subarray(end - length);
}

/**
 * Unless tensors lie in it. See http/body.ts for what the collector would cost; MsgPack and Protobuf, whose tensors were copied then, went
 * from 0.79 to 0.94 of octet-stream (MsgPack).
 * @param head bytes in front of it, where it is a part of what was taken.
 */
export function releaseBlock(bytes: Buffer, tensors: readonly Tensor[], head = 0): void {
  if (bytes.byteLength < RELEASED_FROM_BYTES) return;
  const memory = bytes.buffer as ArrayBuffer;
  const used = tensors.some(({ data }) => ArrayBuffer.isView(data) && data.buffer === memory);
  if (!used && memory.byteLength - bytes.byteLength - head < ALIGNMENT) memory.transfer(0);
}
