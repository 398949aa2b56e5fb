// What was answered before is not computed again, whoever asks and in whatever format; and what differs never meets.
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decode, encode } from '@msgpack/msgpack';
import { post, send } from './setup/client.js';
import { digits, MINILM, sentences } from './setup/fixtures.js';
import { metric } from './setup/metrics.js';
import { removeRepositories, shipped, written } from './setup/repository.js';
import { Server } from './setup/server.js';

interface EmbeddingList {
  readonly data: readonly { readonly embedding: number[] }[];
  readonly usage: { readonly prompt_tokens: number };
}

const { pixels } = digits();
let server: Server;
beforeAll(async () => {
  const repository = await written({
    [MINILM]: { from: shipped(MINILM) },
    digits: { from: shipped('digits') },
    'lots/1': { from: join(shipped('digits'), '1') },
    'lots/model.yaml': 'deterministic: false\n',
    'hasty/1': { from: join(shipped('digits'), '1') },
    'hasty/model.yaml': 'cache: { memory: false }\n',
    'twice/1': { from: join(shipped('digits'), '1') },
    'twice/2': { from: join(shipped('digits'), '1') },
    'twice/model.yaml': 'versions: all\n',
    'features/1': { from: join(shipped(MINILM), '1') },
    'features/model.yaml': 'deterministic: false\ncache: { features: true }\n',
  });
  server = await Server.start({ MODEL_REPOSITORY: repository, TENANT_HEADER: 'X-Tenant', ADMIN_API: 'on' });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

const rowsRun = (model: string): Promise<number> => metric(server, 'nestor_batch_items_sum', { model });
const predict = (model: string, body: unknown, headers: Record<string, string> = {}, query = '') =>
  post(`${server.url}/v1/models/${model}/predict${query}`, body, headers);
const embed = (input: unknown, headers: Record<string, string> = {}, more: object = {}) =>
  post(`${server.url}/v1/embeddings`, { model: MINILM, input, ...more }, headers);
const from = ({ headers }: { headers: Headers }): string | null => headers.get('x-cache');

describe('a repeated request', () => {
  it('is answered from memory, to the bit, without any inference', async () => {
    const body = { model: MINILM, input: 'a text that comes twice' };
    const first = await post(`${server.url}/v1/embeddings`, body);
    const ran = await rowsRun(MINILM);
    const second = await post(`${server.url}/v1/embeddings`, body);
    expect([from(first), from(second)]).toEqual(['miss', 'hit; tier=memory']);
    expect(second.text).toBe(first.text);
    expect(await rowsRun(MINILM)).toBe(ran);
    expect(second.headers.get('server-timing')).toMatch(/cache;dur=.*inference;dur=0\.00/);
  });

  it('is known in every format', async () => {
    const input = 'a text in two formats';
    const json = (await embed(input)).body as EmbeddingList;
    const headers = { 'Content-Type': 'application/msgpack', Accept: 'application/msgpack' };
    const response = await fetch(`${server.url}/v1/embeddings`, { method: 'POST', headers, body: encode({ model: MINILM, input }) });
    expect(from(response)).toBe('hit; tier=memory');
    const { data } = decode(new Uint8Array(await response.arrayBuffer())) as { data: { embedding: Uint8Array }[] };
    const bytes = data[0]?.embedding ?? new Uint8Array();
    const vector = new Float32Array(bytes.slice().buffer);
    // JSON has as many digits as tell a float32 from the others.
    expect(vector).toEqual(Float32Array.from(json.data[0]?.embedding ?? []));
  });

  it('is known by its tensors, whatever it is wrapped in', async () => {
    const [row = []] = pixels;
    const first = await predict('digits', { instances: [row] }, {}, '?outputs=label,probabilities');
    const inputs = { pixels: { shape: [1, 64], datatype: 'FP32', data: row } };
    const second = await predict('digits', { id: 'mine', inputs, outputs: ['probabilities', 'label'] });
    expect([from(first), from(second)]).toEqual(['miss', 'hit; tier=memory']);
    expect(second.body).toMatchObject({ id: 'mine' });
    const oip = { inputs: [{ name: 'pixels', ...inputs.pixels }] };
    expect(from(await post(`${server.url}/v2/models/digits/infer`, oip))).toBe('hit; tier=memory');
    const raw = await fetch(`${server.url}/v1/models/digits/predict?outputs=probabilities`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: Float32Array.from(row),
    });
    expect(from(raw)).toBe('miss');
    await raw.arrayBuffer();
  });

  it('of 1,000 texts with 900 known runs 100 rows', async () => {
    const texts = Array.from({ length: 1000 }, (_, index) => `number ${index}`);
    const known = (await embed(texts.slice(0, 900))).body as EmbeddingList;
    const ran = await rowsRun(MINILM);
    const answer = await embed(texts);
    const all = answer.body as EmbeddingList;
    expect(from(answer)).toBe('partial; tier=memory');
    expect(await rowsRun(MINILM)).toBe(ran + 100);
    expect(all.data.slice(0, 900)).toEqual(known.data);
    expect(all.data).toHaveLength(1000);
    expect(all.usage.prompt_tokens).toBeGreaterThan(known.usage.prompt_tokens);
  });

  it('of a text and of the ids of its tokens gives the same vector, which dimensions cut after it is found', async () => {
    const [sentence] = sentences();
    const [whole, ids] = [await embed(sentence?.text), await embed(sentence?.ids)].map(({ body }) => body as EmbeddingList);
    expect(ids).toEqual(whole);
    const ran = await rowsRun(MINILM);
    const cut = (await embed(sentence?.text, {}, { dimensions: 8 })).body as EmbeddingList;
    expect(await rowsRun(MINILM)).toBe(ran);
    const head = whole?.data[0]?.embedding.slice(0, 8) ?? [];
    const length = Math.hypot(...head);
    for (const [index, value] of (cut.data[0]?.embedding ?? []).entries()) expect(value).toBeCloseTo((head[index] ?? NaN) / length, 6);
  });
});

describe('64 equal requests at once', () => {
  it('run one inference', async () => {
    const ran = await rowsRun(MINILM);
    const joined = await metric(server, 'nestor_coalesced_total', { model: MINILM });
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => embed('everybody asks this', index % 2 ? { Accept: 'application/json;q=0.5' } : {})),
    );
    expect(await rowsRun(MINILM)).toBe(ran + 1);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter((answer) => from(answer) === 'miss')).toHaveLength(1);
    const coalesced = answers.filter((answer) => from(answer) === 'coalesced').length;
    expect(coalesced).toBeGreaterThan(0);
    expect(await metric(server, 'nestor_coalesced_total', { model: MINILM })).toBe(joined + coalesced);
  });

  it('are answered though the first of them hangs up', async () => {
    const words = Array.from({ length: 200 }, (_, index) => `word ${index}`).join(' ');
    const leader = new AbortController();
    const input = Array.from({ length: 40 }, (_, index) => `${words} ${index}`);
    const lost = post(`${server.url}/v1/embeddings`, { model: MINILM, input }, {}, leader.signal).catch(() => 'hung up');
    const followers = [embed(input), embed(input)];
    leader.abort();
    await expect(lost).resolves.toBe('hung up');
    for (const answer of await Promise.all(followers)) expect(answer.status).toBe(200);
  });
});

describe('what differs', () => {
  const [, row = []] = pixels;

  it('by outputs, version, tenant or weights is computed', async () => {
    const body = { instances: [row] };
    expect(from(await predict('digits', body, {}, '?outputs=label'))).toBe('miss');
    expect(from(await predict('digits', body, {}, '?outputs=probabilities'))).toBe('miss');
    expect(from(await predict('digits', body, { 'X-Tenant': 'one' }, '?outputs=label'))).toBe('miss');
    expect(from(await predict('digits', body, { 'X-Tenant': 'two' }, '?outputs=label'))).toBe('miss');
    expect(from(await predict('digits', body, { 'X-Tenant': 'one' }, '?outputs=label'))).toBe('hit; tier=memory');
    expect(from(await predict('twice', body))).toBe('miss');
  });

  it('by name alone is known: the same content answers the same', async () => {
    const body = { instances: [pixels[30]] };
    expect(from(await predict('digits', body))).toBe('miss');
    const answer = await post(`${server.url}/v1/models/twice/versions/1/predict`, body);
    expect(from(answer)).toBe('hit; tier=memory');
    expect(answer.body).toMatchObject({ model: 'twice', version: '1' });
  });

  it('by chance is never remembered, nor shared', async () => {
    const ran = await rowsRun('lots');
    const answers = await Promise.all(Array.from({ length: 4 }, () => predict('lots', { instances: [row] })));
    expect(answers.map(from)).toEqual([null, null, null, null]);
    expect(answers[0]?.headers.get('etag')).toBeNull();
    expect(await rowsRun('lots')).toBe(ran + 4);
  });

  it('is not kept where the model has no tier, though it is shared', async () => {
    const body = { instances: [row] };
    expect(from(await predict('hasty', body))).toBe('miss');
    expect(from(await predict('hasty', body))).toBe('miss');
  });

  it('keeps its token ids where the model asks for that', async () => {
    const hits = (): Promise<number> => metric(server, 'nestor_cache_requests_total', { level: 'tokens', result: 'hit' });
    const before = await hits();
    const ask = (input: string, headers = {}) => post(`${server.url}/v1/embeddings`, { model: 'features', input }, headers);
    const [first, second] = [await ask('its ids are remembered'), await ask('its ids are remembered')];
    expect(second.body).toEqual(first.body);
    expect(await hits()).toBe(before + 1);
    await ask('these are not', { 'Cache-Control': 'no-store' });
    await ask('these are not');
    expect(await hits()).toBe(before + 1);
  });
});

describe('Cache-Control', () => {
  it('no-cache computes it anew, no-store leaves no trace', async () => {
    const ran = await rowsRun(MINILM);
    expect(from(await embed('fresh', { 'Cache-Control': 'no-store' }))).toBe('miss');
    expect(from(await embed('fresh', { 'Cache-Control': 'no-cache' }))).toBe('miss');
    expect(from(await embed('fresh', { 'Cache-Control': 'no-cache' }))).toBe('miss');
    expect(from(await embed('fresh'))).toBe('hit; tier=memory');
    expect(await rowsRun(MINILM)).toBe(ran + 3);
    expect((await embed('a secret', { 'Cache-Control': 'no-store' })).headers.get('etag')).toBeNull();
    expect(from(await embed('a secret'))).toBe('miss');
  });
});

describe('ETag', () => {
  it('spares the body to who has it, on a hit and on a miss', async () => {
    const first = await embed('tagged');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^W\/"[\w-]{22}\.[\w-]{43}"$/);
    for (const headers of [{}, { 'Cache-Control': 'no-cache' }] as Record<string, string>[]) {
      const again = await embed('tagged', { 'If-None-Match': `"other", ${etag}`, ...headers });
      expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
    }
    expect((await embed('tagged', { 'If-None-Match': '"other"' })).text).toBe(first.text);
    // Whoever says so need not have any.
    expect((await embed('tagged', { 'If-None-Match': '*' })).text).toBe(first.text);
    expect((await embed('another', { 'If-None-Match': etag })).status).toBe(200);
    const many = Array.from({ length: 40 }, (_, index) => `streamed ${index}`);
    const streamed = (await embed(many)).headers.get('etag') ?? '';
    expect((await embed(many, { 'If-None-Match': streamed })).status).toBe(304);
  });
});

describe('what it did', () => {
  it('stands in the statistics of the Open Inference Protocol and in the metrics', async () => {
    const stats = async () => {
      const { body } = await send(`${server.url}/v2/models/digits/stats`);
      const [model] = (body as { model_stats: { inference_stats: Record<string, { count: number; ns: number }> }[] }).model_stats;
      return model?.inference_stats ?? {};
    };
    const body = { instances: [pixels[9]] };
    const before = await stats();
    const saved = await metric(server, 'nestor_cache_saved_inference_seconds_total', { model: 'digits' });
    await predict('digits', body);
    await predict('digits', body);
    await predict('digits', { ...body, id: 'decoded' });
    const after = await stats();
    const more = (name: string): number => (after[name]?.count ?? NaN) - (before[name]?.count ?? NaN);
    expect([more('success'), more('cache_hit'), more('cache_miss'), more('compute_infer')]).toEqual([3, 2, 1, 1]);
    expect(await metric(server, 'nestor_cache_saved_inference_seconds_total', { model: 'digits' })).toBeGreaterThan(saved);
    expect(await metric(server, 'nestor_cache_size_bytes', { tier: 'memory' })).toBeGreaterThan(1000);
  });
});

describe('/v1/cache', () => {
  it('shows what is held, and forgets one model or all', async () => {
    const body = { instances: [pixels[20]] };
    const text = 'forget me';
    await predict('digits', body);
    await embed(text);
    const { body: shown } = await send(`${server.url}/v1/cache`);
    expect(shown).toEqual({
      enabled: true,
      tiers: [{ tier: 'memory', state: 'up', bytes: expect.any(Number), entries: expect.any(Number) }],
    });
    expect((await send(`${server.url}/v1/cache?model=digits`, { method: 'DELETE' })).status).toBe(200);
    expect([from(await predict('digits', body)), from(await embed(text))]).toEqual(['miss', 'hit; tier=memory']);
    expect((await send(`${server.url}/v1/cache`, { method: 'DELETE' })).status).toBe(200);
    expect(from(await embed(text))).toBe('miss');
    expect((await send(`${server.url}/v1/cache?model=nobody`, { method: 'DELETE' })).body).toMatchObject({ code: 'MODEL_NOT_FOUND' });
    const twice = await send(`${server.url}/v1/cache?model=digits&model=nobody`, { method: 'DELETE' });
    expect(twice.body).toMatchObject({ code: 'INVALID_REQUEST', field: 'model' });
  });
});

describe('other weights under the same name', () => {
  it('never get an answer of the old ones, though the disk remembers those', async () => {
    const repository = await written({ 'm/1/model.onnx': { from: join(shipped('digits'), '1/model.onnx') } });
    const settings = { MODEL_REPOSITORY: repository, CACHE_DISK_BYTES: '10000000', CACHE_DIR: join(repository, '.cache') };
    const ask = async (): Promise<string | null> => {
      const other = await Server.start(settings);
      try {
        const answer = await post(`${other.url}/v1/models/m/predict`, { instances: [pixels[0]] });
        expect(answer.status).toBe(200);
        return from(answer);
      } finally {
        await other.stop();
      }
    };
    expect(await ask()).toBe('miss');
    expect(await ask()).toBe('hit; tier=disk');
    await copyFile(join(shipped('text-orientation'), '1/model.onnx'), join(repository, 'm/1/note.bin'));
    expect(await ask()).toBe('miss');
  });
});
