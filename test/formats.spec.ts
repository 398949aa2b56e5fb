// Every format in and out of the built server: the same tensors give the same bits, and what is not right is refused by name.
import { readFile } from 'node:fs/promises';
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { decode, encode } from '@msgpack/msgpack';
import {
  EmbeddingsRequestSchema,
  EmbeddingsResponseSchema,
  PredictRequestSchema,
  PredictResponseSchema,
} from '../src/http/codecs/nestor_pb.js';
import { npyHead, readNpyHead } from '../src/http/codecs/npy-header.js';
import { Server } from './setup/server.js';

interface Problem {
  readonly code: string;
  readonly field?: string;
  readonly detail: string;
}

const pixels = Float32Array.from({ length: 2 * 64 }, (_, i) => (i * 7) % 17);
const raw = Buffer.from(pixels.buffer);
let server: Server;
let expected: Float32Array;

beforeAll(async () => {
  server = await Server.start();
  const response = await predict({ inputs: { pixels: { shape: [2, 64], data: Array.from(pixels) } } }, 'application/json');
  const { outputs } = (await response.json()) as { outputs: { probabilities: { data: number[] } } };
  expected = Float32Array.from(outputs.probabilities.data);
});
afterAll(() => server.stop());

function post(path: string, body: Uint8Array | string | FormData, headers: Record<string, string>): Promise<Response> {
  return fetch(server.url + path, { method: 'POST', body: body as never, headers });
}

function predict(body: unknown, type: string, headers: Record<string, string> = {}, query = ''): Promise<Response> {
  const bytes = body instanceof Uint8Array ? body : JSON.stringify(body);
  return post(`/v1/models/digits/predict${query}`, bytes, { 'Content-Type': type, ...headers });
}

async function bytesOf(response: Response): Promise<Buffer> {
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

async function problem(response: Response, status: number): Promise<Problem> {
  const body = (await response.json()) as Problem;
  expect([response.status, body.detail]).toEqual([status, expect.any(String)]);
  return body;
}

function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

describe('the same tensors give the same bits', () => {
  it('as octet-stream, the shape from the signature', async () => {
    const response = await predict(raw, 'application/octet-stream', {}, '?outputs=probabilities');
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('tensor-shape')).toBe('2, 10');
    expect(response.headers.get('tensor-datatype')).toBe('FP32');
    expect(floats(await bytesOf(response))).toEqual(expected);
  });

  it('as octet-stream, the shape from headers', async () => {
    const headers = { 'Tensor-Shape': '[2, 64]', 'Tensor-Datatype': 'FP32' };
    const response = await predict(raw, 'application/octet-stream', headers, '?outputs=probabilities');
    expect(floats(await bytesOf(response))).toEqual(expected);
  });

  it('as npy', async () => {
    const response = await predict(Buffer.concat([npyHead('FP32', [2, 64]), raw]), 'application/x-npy', {}, '?outputs=probabilities');
    const bytes = await bytesOf(response);
    const head = readNpyHead(bytes);
    expect(head).toMatchObject({ datatype: 'FP32', shape: [2, 10] });
    expect(floats(bytes.subarray(head.offset))).toEqual(expected);
  });

  it('as MsgPack', async () => {
    const body = encode({ inputs: { pixels: { shape: [2, 64], datatype: 'FP32', data: raw } }, id: 'a' });
    const answer = decode(await bytesOf(await predict(body, 'application/msgpack')));
    const { id, outputs } = answer as { id: string; outputs: Record<string, { data: Uint8Array }> };
    expect(id).toBe('a');
    expect(floats(outputs.probabilities?.data ?? raw)).toEqual(expected);
  });

  it('as Protobuf', async () => {
    const message = create(PredictRequestSchema, { inputs: { pixels: { datatype: 'FP32', shape: [2n, 64n], data: raw } } });
    const body = toBinary(PredictRequestSchema, message);
    const answer = fromBinary(PredictResponseSchema, await bytesOf(await predict(body, 'application/x-protobuf')));
    expect(answer.outputs.probabilities?.shape).toEqual([2n, 10n]);
    expect(floats(answer.outputs.probabilities?.data ?? raw)).toEqual(expected);
  });

  it.each(['gzip', 'x-gzip', 'deflate', 'br', 'zstd'])('compressed with %s', async (encoding) => {
    const compress = {
      gzip: zlib.gzipSync,
      'x-gzip': zlib.gzipSync,
      deflate: zlib.deflateSync,
      br: zlib.brotliCompressSync,
      zstd: zlib.zstdCompressSync,
    }[encoding];
    const response = await predict(
      compress?.(raw) ?? raw,
      'application/octet-stream',
      { 'Content-Encoding': encoding },
      '?outputs=probabilities',
    );
    expect(floats(await bytesOf(response))).toEqual(expected);
  });
});

describe('the format of the answer', () => {
  it.each([
    ['application/json;q=0.5, application/msgpack', 'application/msgpack'],
    ['application/msgpack;q=0, */*', 'application/json; charset=utf-8'],
    ['application/x-npy', 'application/x-npy'],
    ['*/*', 'application/json; charset=utf-8'],
  ])('Accept: %s gives %s', async (accept, type) => {
    const response = await predict({ inputs: { pixels: [Array.from(pixels.slice(0, 64))] }, outputs: ['label'] }, 'application/json', {
      Accept: accept,
    });
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.status).toBe(200);
  });

  it('falls to JSON for several outputs where anything is welcome', async () => {
    const response = await predict(raw, 'application/octet-stream');
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('names the remedy where only one tensor could be carried', async () => {
    const { code, detail } = await problem(await predict(raw, 'application/octet-stream', { Accept: 'application/octet-stream' }), 406);
    expect(code).toBe('NOT_ACCEPTABLE');
    expect(detail).toContain('?outputs=');
  });

  it.each([
    ['none by name, which is all', { outputs: [] }, 406],
    ['one twice', { outputs: ['label', 'label'] }, 200],
  ])('of one tensor, where a request names %s', async (_, outputs, status) => {
    const body = { inputs: { pixels: [Array.from(pixels.slice(0, 64))] }, ...outputs };
    expect((await predict(body, 'application/json', { Accept: 'application/x-npy' })).status).toBe(status);
  });

  it('has classes for instances, where no output is named', async () => {
    const body = { instances: [Array.from(pixels.slice(0, 64))] };
    const classes = await (await predict(body, 'application/json')).json();
    expect(await (await predict({ ...body, outputs: [] }, 'application/json')).json()).toEqual(classes);
  });

  it('is compressed for who asks', async () => {
    const body = { instances: Array.from({ length: 20 }, () => Array.from(pixels.slice(0, 64))) };
    const response = await predict(body, 'application/json', { 'Accept-Encoding': 'zstd;q=0, gzip' });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(((await response.json()) as { predictions: unknown[] }).predictions).toHaveLength(20);
  });
});

describe('pictures', () => {
  const path = '/v1/models/text-orientation/predict';
  const picture = (degrees: number) => readFile(`test/fixtures/text-line-${degrees}.png`);

  it('as a body', async () => {
    const response = await post(path, await picture(180), { 'Content-Type': 'image/png' });
    expect(await response.json()).toMatchObject({ predictions: [{ label: '180' }] });
  });

  it('as parts of a form, in order', async () => {
    const form = new FormData();
    for (const degrees of [180, 0, 180]) form.append('image', new Blob([new Uint8Array(await picture(degrees))]), `${degrees}.png`);
    const response = await post(path, form, {});
    expect(await response.json()).toMatchObject({ predictions: [{ label: '180' }, { label: '0' }, { label: '180' }] });
  });

  it('in MsgPack and Protobuf', async () => {
    const image = await picture(180);
    const packed = await post(path, encode({ instances: [{ image }] }), { 'Content-Type': 'application/msgpack' });
    expect(decode(await bytesOf(packed))).toMatchObject({ predictions: [{ label: '180' }] });
    const message = toBinary(PredictRequestSchema, create(PredictRequestSchema, { images: [image] }));
    const answer = await post(path, message, { 'Content-Type': 'application/x-protobuf' });
    expect(Object.keys(fromBinary(PredictResponseSchema, await bytesOf(answer)).outputs)).toHaveLength(1);
  });

  it('are refused by a model that takes none', async () => {
    const { code } = await problem(await predict(await picture(0), 'image/png'), 415);
    expect(code).toBe('UNSUPPORTED_MEDIA_TYPE');
  });

  it('are refused by name when a form holds something else', async () => {
    const form = new FormData();
    form.append('image', new Blob([new Uint8Array(await picture(0))]), 'a.png');
    form.append('note', 'hello');
    expect((await problem(await post(path, form, {}), 400)).field).toBe('body');
    const broken = new FormData();
    broken.append('image', new Blob([raw]), 'a.png');
    expect((await problem(await post(path, broken, {}), 400)).field).toBe('instances[0].image');
  });
});

describe('embeddings', () => {
  const body = { model: 'all-minilm-l6-v2', input: ['first text', 'second text, which is longer'] };
  const embed = (accept: string, content: Uint8Array | string = JSON.stringify(body), type = 'application/json') =>
    post('/v1/embeddings', content, { 'Content-Type': type, Accept: accept });

  it('are one block in every binary format', async () => {
    const answer = (await (await embed('application/json')).json()) as { data: { embedding: number[] }[] };
    const vectors = Float32Array.from(answer.data.flatMap(({ embedding }) => embedding));
    const octets = await embed('application/octet-stream');
    expect(octets.headers.get('tensor-shape')).toBe('2, 384');
    expect(floats(await bytesOf(octets))).toEqual(vectors);
    const npy = await bytesOf(await embed('application/x-npy'));
    expect(readNpyHead(npy)).toMatchObject({ shape: [2, 384] });
    const packed = decode(await bytesOf(await embed('application/msgpack', encode(body), 'application/msgpack')));
    const { data } = packed as { data: { embedding: Uint8Array }[] };
    expect(floats(data[1]?.embedding ?? raw)).toEqual(vectors.subarray(384));
    const message = toBinary(EmbeddingsRequestSchema, create(EmbeddingsRequestSchema, { model: body.model, texts: body.input }));
    const reply = await bytesOf(await embed('*/*', message, 'application/x-protobuf'));
    const decoded = fromBinary(EmbeddingsResponseSchema, reply);
    expect(decoded).toMatchObject({ count: 2, dimensions: 384, model: body.model, promptTokens: expect.any(Number) });
    expect(floats(decoded.embeddings)).toEqual(vectors);
  });
});

describe('hostile bodies', () => {
  it('of a compression that there is not are told which there are', async () => {
    const response = await predict(raw, 'application/octet-stream', { 'Content-Encoding': 'compress' });
    expect([response.status, response.headers.get('accept-encoding')]).toEqual([415, 'zstd, gzip, br, deflate']);
  });

  it('a decompression bomb stops at the limit', async () => {
    const bomb = zlib.gzipSync(Buffer.alloc(256 * 1024 * 1024));
    const response = await predict(bomb, 'application/octet-stream', { 'Content-Encoding': 'gzip' });
    expect((await problem(response, 413)).code).toBe('PAYLOAD_TOO_LARGE');
  });

  it.each([
    ['cut-off gzip', zlib.gzipSync(raw).subarray(0, 20), { 'Content-Encoding': 'gzip' }, 400, 'body'],
    ['no gzip', raw, { 'Content-Encoding': 'gzip' }, 400, 'body'],
    ['unknown encoding', raw, { 'Content-Encoding': 'compress' }, 415, 'Content-Encoding'],
    ['too few bytes', raw.subarray(1), {}, 400, 'body'],
    ['a shape that does not fit', raw, { 'Tensor-Shape': '3, 64' }, 400, 'body'],
    ['a shape that is none', raw, { 'Tensor-Shape': '2 x 64' }, 400, 'Tensor-Shape'],
    ['a shape beyond all memory', raw, { 'Tensor-Shape': '999999999999999, 64' }, 400, 'body'],
    ['an unknown datatype', raw, { 'Tensor-Datatype': 'FLOAT' }, 400, 'Tensor-Datatype'],
    ['BF16', raw, { 'Tensor-Datatype': 'BF16' }, 400, 'Tensor-Datatype'],
    ['another datatype', raw, { 'Tensor-Datatype': 'INT32' }, 400, 'inputs.pixels.datatype'],
  ] as const)('%s', async (_, body, headers, status, field) => {
    expect((await problem(await predict(body, 'application/octet-stream', headers), status)).field).toBe(field);
  });

  it.each([
    ['npy without magic', 'application/x-npy', raw],
    ['npy cut in its header', 'application/x-npy', npyHead('FP32', [2, 64]).subarray(0, 20)],
    ['npy with too much data', 'application/x-npy', Buffer.concat([npyHead('FP32', [2, 64]), raw, raw])],
    ['MsgPack that announces 2^32 elements', 'application/msgpack', Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])],
    ['MsgPack nested a million deep', 'application/msgpack', Buffer.alloc(1_000_000, 0x91)],
    ['MsgPack that goes on', 'application/msgpack', Buffer.from([0x80, 0x80])],
    ['Protobuf that ends early', 'application/x-protobuf', Buffer.from([0x0a, 0x7f, 0x01])],
    ['Protobuf with an unknown wire type', 'application/x-protobuf', Buffer.from([0x0f, 0x01])],
    ['an empty body', 'application/octet-stream', Buffer.alloc(0)],
  ])('%s', async (_, type, body) => {
    expect((await problem(await predict(body, type), 400)).field).toEqual(expect.any(String));
  });
});
