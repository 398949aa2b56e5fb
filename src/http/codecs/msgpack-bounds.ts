// Is a MsgPack body what it claims? A walk over its heads alone, before anything is allocated for what they announce.
import { invalid, NestorError } from '../../errors.js';

/** Containers in containers: a row of an image is four deep. */
const DEEPEST = 24;

/**
 * What a body may cost, where a number costs 1: 1 Mi numbers, or 256 Ki arrays, or 64 Ki members. The decoder makes a value of every byte,
 * in one turn of the event loop: 32 MiB of empty arrays held it for 5 s, 2 Mi members for 8.
 */
const BUDGET = 1024 * 1024;
const COST_OF_ARRAY = 4;
const COST_OF_MEMBER = 16;

/** Bytes of the length, and bytes that follow it whatever it says, by the first byte of bin, ext and str. */
const BLOBS: Readonly<Record<number, readonly [number, number]>> = {
  0xc4: [1, 0],
  0xc5: [2, 0],
  0xc6: [4, 0],
  0xc7: [1, 1],
  0xc8: [2, 1],
  0xc9: [4, 1],
  0xd9: [1, 0],
  0xda: [2, 0],
  0xdb: [4, 0],
};
/** Bytes behind the first one, from 0xc0 (nil) on; -1 where they vary and for the byte that is never used. */
const FIXED = [0, -1, 0, 0, -1, -1, -1, -1, -1, -1, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17] as const;

/**
 * Every element takes a byte at least, so a body that passes decodes to no more values than it has bytes.
 * @throws NestorError INVALID_REQUEST for a body that ends early, goes on behind its end, or is nested too deep, PAYLOAD_TOO_LARGE for one
 *   of too many values.
 */
export function checkMsgpack(bytes: Buffer): void {
  /** Values that are still to come at each level. */
  const open = [1];
  let at = 0;
  let left = BUDGET;
  while (open.length > 0) {
    const siblings = open.at(-1) ?? 0;
    if (siblings === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1] = siblings - 1;
    const head = bytes[at];
    if (head === undefined) throw malformed('it ends early');
    const children = childrenOf(bytes, head, at);
    at += sizeOf(bytes, head, at);
    if (at > bytes.byteLength || children > bytes.byteLength - at) throw malformed('it ends early');
    left -= costOf(head, children);
    if (left < 0) throw tooMany();
    if (children > 0) open.push(children);
    if (open.length > DEEPEST) throw malformed(`it is nested deeper than ${DEEPEST}`);
  }
  if (at < bytes.byteLength) throw malformed(`${bytes.byteLength - at} bytes are left behind its end`);
}

function costOf(head: number, children: number): number {
  if ((head >= 0x80 && head <= 0x8f) || head === 0xde || head === 0xdf) return COST_OF_ARRAY + (children / 2) * COST_OF_MEMBER;
  return (head >= 0x90 && head <= 0x9f) || head === 0xdc || head === 0xdd ? COST_OF_ARRAY : 1;
}

function childrenOf(bytes: Buffer, head: number, at: number): number {
  if (head >= 0x80 && head <= 0x8f) return 2 * (head & 0x0f);
  if (head >= 0x90 && head <= 0x9f) return head & 0x0f;
  if (head < 0xdc || head > 0xdf) return 0;
  const count = uint(bytes, at + 1, head % 2 === 0 ? 2 : 4);
  return head >= 0xde ? 2 * count : count;
}

/** Bytes of a value without its children. */
function sizeOf(bytes: Buffer, head: number, at: number): number {
  if (head < 0xa0 || head >= 0xe0) return 1;
  if (head < 0xc0) return 1 + (head & 0x1f);
  if (head >= 0xdc) return head % 2 === 0 ? 3 : 5;
  const blob = BLOBS[head];
  if (blob) return 1 + blob[0] + blob[1] + uint(bytes, at + 1, blob[0]);
  const fixed = FIXED[head - 0xc0] ?? -1;
  if (fixed < 0) throw malformed('it has a byte that begins nothing');
  return 1 + fixed;
}

function uint(bytes: Buffer, at: number, size: number): number {
  if (at + size > bytes.byteLength) throw malformed('it ends early');
  return bytes.readUIntBE(at, size);
}

function tooMany(): Error {
  const message = `MsgPack may hold ${BUDGET} numbers and texts, fewer with arrays and maps; send tensors as { shape, datatype, data } with data as bin, or send it in parts`;
  return new NestorError('PAYLOAD_TOO_LARGE', message, { field: 'body' });
}

function malformed(why: string): Error {
  return invalid('body', `The body is not MsgPack: ${why}`);
}
