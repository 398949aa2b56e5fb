// Bodies in pieces: one block of their bytes, and the memory of the pieces given back.
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, integer } from 'fast-check';
import { BodyRoom } from '../access/body-room.js';
import { Environment } from '../config/environment.js';
import { readBody } from './body.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const MANY = 200_000;
const LIMIT = 1_000_000;
const ROOM = new BodyRoom(new Environment());
const pieces = (): Buffer[] => [3, 70_000, 1].map((size, index) => Buffer.alloc(size, index + 1));

describe('a body', () => {
  it.each([
    ['of known length', { 'content-length': '70004' }],
    ['of unknown length', {}],
  ])('%s is one block, and its pieces are given back', async (_, headers) => {
    const sent = pieces();
    const body = await readBody(Readable.from(sent), headers, LIMIT, ROOM);
    expect(body.equals(Buffer.concat(pieces()))).toBe(true);
    expect(body.buffer.byteLength - body.byteLength).toBeLessThan(8);
    expect(sent.map(({ buffer }) => (buffer as ArrayBuffer).detached)).toEqual([true, true, true]);
  });

  it('leaves memory alone that others share', async () => {
    const shared = Buffer.alloc(200, 7);
    await readBody(Readable.from([shared.subarray(0, 100)]), {}, LIMIT, ROOM);
    expect(shared[150]).toBe(7);
  });

  it.each([0, 1, 65_536, 131_072, 200_000])('of %i bytes is decompressed', async (size) => {
    const plain = Buffer.alloc(size, 'abc');
    const body = await readBody(Readable.from([gzipSync(plain)]), { 'content-encoding': 'gzip' }, LIMIT, ROOM);
    expect(body.equals(plain)).toBe(true);
  });

  it('of 200,000 chunks of one byte takes hardly more memory than its bytes', async () => {
    const held = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = held();
    let most = 0;
    async function* bytes(): AsyncGenerator<Buffer> {
      for (let index = 0; index < MANY; index++) {
        if (index % 1000 === 0) await setImmediate();
        if (index === MANY - 1) most = held();
        yield Buffer.from([index % 251]);
      }
    }
    const body = await readBody(Readable.from(bytes()), {}, LIMIT, ROOM);
    expect(body.every((byte, index) => byte === index % 251)).toBe(true);
    expect((most - before) / MANY).toBeLessThan(10);
  });

  it('is whole whatever the sizes of its pieces', async () => {
    await assert(
      asyncProperty(array(integer({ min: 1, max: 20_000 }), { maxLength: 30 }), async (sizes) => {
        const sent = (): Buffer[] => sizes.map((size, index) => Buffer.alloc(size, index + 1));
        expect((await readBody(Readable.from(sent()), {}, LIMIT, ROOM)).equals(Buffer.concat(sent()))).toBe(true);
      }),
    );
  });

  it('that is cut off is the client, who went away, and no failure of the server', async () => {
    const cut = (): Readable => {
      const payload = new Readable({ read: () => undefined });
      payload.push(gzipSync('some').subarray(0, 10));
      void setImmediate().then(() => payload.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })));
      return payload;
    };
    for (const headers of [{}, { 'content-length': '100' }, { 'content-encoding': 'gzip' }])
      await expect(readBody(cut(), headers, LIMIT, ROOM)).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('names itself when it is too large', async () => {
    const refused = { code: 'PAYLOAD_TOO_LARGE', field: 'body' };
    await expect(readBody(Readable.from(pieces()), {}, 1000, ROOM)).rejects.toMatchObject(refused);
    await expect(readBody(Readable.from(pieces()), { 'content-length': '70004' }, 1000, ROOM)).rejects.toMatchObject(refused);
  });
});
