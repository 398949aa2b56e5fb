// Bodies that are small on the wire and large in memory, in the formats that are not JSON.
import { setImmediate } from 'node:timers/promises';
import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from '@jest/globals';
import { checkMsgpack } from './msgpack-bounds.js';
import { multipartCodec } from './multipart.codec.js';
import type { Model } from '../../models/model.js';

const MIB = 1024 * 1024;
const tooLarge = expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', field: 'body' });
const check = (bytes: Uint8Array) => (): void => {
  checkMsgpack(Buffer.from(bytes));
};
/** An array of so many values of one byte. */
const array = (count: number, byte: number): Buffer => {
  const bytes = Buffer.alloc(5 + count, byte);
  bytes[0] = 0xdd;
  bytes.writeUInt32BE(count, 1);
  return bytes;
};

describe('MsgPack', () => {
  it('may hold a picture as numbers, and any tensor as bytes', () => {
    expect(check(encode({ inputs: { x: Array.from({ length: 3 * 224 * 224 }, (_, index) => index / 7) } }))).not.toThrow();
    expect(check(encode({ inputs: { x: { shape: [8 * MIB], data: Buffer.alloc(8 * MIB) } } }))).not.toThrow();
  });

  it.each([
    ['nothings', MIB, 0xc0],
    ['empty texts', MIB, 0xa0],
    ['empty arrays', MIB / 4, 0x90],
    ['empty maps', MIB / 4, 0x80],
  ])('of too many %s is refused', (_, count, byte) => {
    expect(check(array(count - 8, byte))).not.toThrow();
    expect(check(array(count, byte))).toThrow(tooLarge);
  });

  it('of a map with too many members is refused by its head', () => {
    const bytes = Buffer.alloc(5 + 2 * 65_536, 0xa0);
    bytes[0] = 0xdf;
    bytes.writeUInt32BE(65_536, 1);
    expect(check(bytes)).toThrow(tooLarge);
  });
});

describe('a form', () => {
  const model = { image: {} } as Model;
  const readAs = (bytes: Buffer, type: string) =>
    Promise.resolve(multipartCodec.decodePrediction?.({ bytes, headers: { 'content-type': type } }, model));
  const read = (bytes: Buffer, boundary: string) => readAs(bytes, `multipart/form-data; boundary=${boundary}`);

  it.each(['--x\r\n\r\n\r\n', '--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n\r\n'])(
    'of a million parts %p is refused before a part is made',
    async (part) => {
      await expect(async () => read(Buffer.alloc(8 * MIB, part), 'x')).rejects.toThrow('more than 1024 files');
      await expect(async () => read(Buffer.alloc(8 * MIB, part), '"x"')).rejects.toThrow('more than 1024 files');
    },
  );

  it.each(['a="; boundary=y"; boundary=x', "boundary*=utf-8''x; boundary=y", 'boundary="x\\y"', 'boundary=', ''])(
    'is read by the boundary by which its parts are counted, or not at all: %s',
    async (parameters) => {
      const bytes = Buffer.from(`${'--x\r\n\r\n\r\n'.repeat(2000)}--x--\r\n`);
      await expect(async () => readAs(bytes, `multipart/form-data; ${parameters}`)).rejects.toThrow(/no multipart form|more than 1024/);
    },
  );

  it.each(['name="a"; filename="b"', 'filename="b"'])('that is cut off within a file is refused: %s', async (disposition) => {
    const bytes = Buffer.from(`--x\r\nContent-Disposition: form-data; ${disposition}\r\n\r\nhalf of i`);
    await expect(read(bytes, 'x')).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'body' });
    // Of what Busboy has still to say, nothing is thrown where nobody catches it.
    await setImmediate();
  });
});
