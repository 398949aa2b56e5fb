// What is kept must not keep more than itself: small buffers of Node are parts of slabs of 64 KiB, and one that stays keeps its whole slab.

/** The head of a sealed entry is no reason for a copy. */
const SLACK_BYTES = 64;

/** The same bytes in memory that is theirs alone, copied where it is not. */
export function inOwnMemory<B extends Uint8Array>(bytes: B): B | Buffer {
  if (bytes.buffer.byteLength <= bytes.byteLength + SLACK_BYTES) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.byteLength);
  own.set(bytes);
  return own;
}
