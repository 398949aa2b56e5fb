// Bodies in pieces: one block of their bytes, and the memory of the pieces given back.
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { readBody } from './body.js';

const LIMIT = 1_000_000;
const pieces = (): Buffer[] => [3, 70_000, 1].map((size, index) => Buffer.alloc(size, index + 1));

describe('a body', () => {
  it.each([
    ['of known length', { 'content-length': '70004' }],
    ['of unknown length', {}],
  ])('%s is one block, and its pieces are given back', async (_, headers) => {
    const sent = pieces();
    const body = await readBody(Readable.from(sent), headers, LIMIT);
    expect(body.equals(Buffer.concat(pieces()))).toBe(true);
    expect(body.byteLength).toBe(body.buffer.byteLength);
    expect(sent.map(({ buffer }) => (buffer as ArrayBuffer).detached)).toEqual([true, true, true]);
  });

  it('leaves memory alone that others share', async () => {
    const shared = Buffer.alloc(200, 7);
    await readBody(Readable.from([shared.subarray(0, 100)]), {}, LIMIT);
    expect(shared[150]).toBe(7);
  });

  it.each([0, 1, 65_536, 131_072, 200_000])('of %i bytes is decompressed', async (size) => {
    const plain = Buffer.alloc(size, 'abc');
    const body = await readBody(Readable.from([gzipSync(plain)]), { 'content-encoding': 'gzip' }, LIMIT);
    expect(body.equals(plain)).toBe(true);
  });

  it('names itself when it is too large', async () => {
    const refused = { code: 'PAYLOAD_TOO_LARGE', field: 'body' };
    await expect(readBody(Readable.from(pieces()), {}, 1000)).rejects.toMatchObject(refused);
    await expect(readBody(Readable.from(pieces()), { 'content-length': '70004' }, 1000)).rejects.toMatchObject(refused);
  });
});
