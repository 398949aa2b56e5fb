// A value as the tiers keep it, and sealed: so that garbage at our key in a store that others can write is a miss.
import { crc32 } from 'node:zlib';

export interface Entry {
  readonly value: Uint8Array;
  /** Milliseconds since 1970 after which it counts as forgotten. */
  readonly expires: number | undefined;
}

const MAGIC = 0x4e535431;
/** Magic and checksum, 4 bytes each, and the time of expiry as a double (0: never). */
const HEAD_BYTES = 16;

/** Head and value in one block; the checksum covers the key, so that a value in the wrong place is noticed too. */
export function seal(key: string, { value, expires = 0 }: Entry): Buffer {
  const block = Buffer.allocUnsafeSlow(HEAD_BYTES + value.byteLength);
  block.writeUInt32BE(MAGIC, 0);
  block.writeDoubleBE(expires, 8);
  block.set(value, HEAD_BYTES);
  block.writeUInt32BE(checksum(key, block), 4);
  return block;
}

/** Undefined for what is not a sealed value of this key, whole and unchanged. */
export function unseal(key: string, block: Uint8Array): Entry | undefined {
  if (block.byteLength < HEAD_BYTES) return undefined;
  const view = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  if (view.readUInt32BE(0) !== MAGIC || view.readUInt32BE(4) !== checksum(key, view)) return undefined;
  const expires = view.readDoubleBE(8);
  return { value: view.subarray(HEAD_BYTES), expires: expires === 0 ? undefined : expires };
}

function checksum(key: string, block: Buffer): number {
  return crc32(block.subarray(8), crc32(key));
}

export function isExpired({ expires }: Entry, now = Date.now()): boolean {
  return expires !== undefined && now >= expires;
}
