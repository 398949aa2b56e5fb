// Which answers are compressed, and how.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, jest } from '@jest/globals';
import fastify from 'fastify';
import { addCompression, codingFor } from './compression.js';
import { CODINGS } from './content-encoding.js';

const JSON_TYPE = 'application/json; charset=utf-8';

describe('the coding of an answer', () => {
  it.each([
    ['gzip', JSON_TYPE, 'gzip'],
    ['X-GZIP', JSON_TYPE, 'gzip'],
    ['gzip, deflate, br, zstd', JSON_TYPE, 'zstd'],
    ['gzip;q=0.5, br;q=0.9', JSON_TYPE, 'br'],
    ['*', JSON_TYPE, 'zstd'],
    ['gzip;q=0, deflate', JSON_TYPE, 'deflate'],
    ['identity', JSON_TYPE, undefined],
    ['identity;q=1, gzip;q=0.1', JSON_TYPE, undefined],
    ['identity;q=0.5, *;q=0.4', JSON_TYPE, undefined],
    ['identity, gzip', JSON_TYPE, 'gzip'],
    ['identity;q=0.5, gzip;q=0.8', JSON_TYPE, 'gzip'],
    ['', JSON_TYPE, undefined],
    [undefined, JSON_TYPE, undefined],
    ['constructor, __proto__', JSON_TYPE, undefined],
    // What every HTTP library sends must not cost a tensor its speed; what one was told to send is obeyed.
    ['gzip, deflate', 'application/octet-stream', undefined],
    ['gzip', 'application/octet-stream', 'gzip'],
  ])('%s for %s is %s', (acceptEncoding, type, coding) => {
    expect(codingFor(acceptEncoding, type)).toBe(coding);
  });
});

it('an answer that cannot be compressed is refused in plain words', async () => {
  const compress = jest.spyOn(CODINGS.gzip, 'compress').mockRejectedValue(new Error('no memory'));
  const app = fastify();
  addCompression(app);
  app.get('/', (_, reply) => reply.type(JSON_TYPE).send('a'.repeat(2000)));
  const { statusCode, headers } = await app.inject({ url: '/', headers: { 'accept-encoding': 'gzip' } });
  compress.mockRestore();
  expect([statusCode, headers['content-encoding']]).toEqual([500, undefined]);
});

it.each([
  ['/v1/models', 'gzip, deflate', 'gzip'],
  ['/v2/models/stats', 'gzip, deflate', undefined],
  ['/v2/models/stats', 'gzip', 'gzip'],
])('JSON of %s for who sends %s is %s: clients of /v2 that were not told to ask may not decompress', async (url, asked, coding) => {
  const app = fastify();
  addCompression(app);
  app.get(url, (_, reply) => reply.type(JSON_TYPE).send('a'.repeat(2000)));
  const { headers } = await app.inject({ url, headers: { 'accept-encoding': asked } });
  expect(headers['content-encoding']).toBe(coding);
});

describe('an answer that is a stream', () => {
  /** @param body of the answer; it is told whether its head has left. */
  const asked = async (body: (hasLeft: () => boolean) => AsyncIterable<Buffer>) => {
    const app = fastify();
    addCompression(app);
    app.get('/', (_, reply) => reply.type(JSON_TYPE).send(Readable.from(body(() => reply.raw.headersSent))));
    return app.inject({ url: '/', headers: { 'accept-encoding': 'gzip' } });
  };
  const large = randomBytes(1_000_000);

  it('is compressed as it comes', async () => {
    const { statusCode, headers, rawPayload } = await asked(async function* () {
      yield await Promise.resolve(large);
    });
    expect([statusCode, headers['content-encoding'], gunzipSync(rawPayload).equals(large)]).toEqual([200, 'gzip', true]);
  });

  it('is refused in plain words where its source fails before anything has left', async () => {
    const { statusCode, headers } = await asked(async function* () {
      yield await Promise.reject(new Error('the source fails'));
    });
    expect([statusCode, headers['content-encoding']]).toEqual([500, undefined]);
  });

  it('is broken off where its source fails later', async () => {
    const broken = asked(async function* (hasLeft) {
      yield large;
      while (!hasLeft()) await setImmediate();
      throw new Error('the source fails');
    });
    await expect(broken).rejects.toThrow('destroyed');
  });
});
