// The routes of text-embeddings-inference: its bare arrays, its headers, its errors, for its clients unchanged.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, send, type Answer, type Problem } from './setup/client.js';
import { distance, MINILM, sentences } from './setup/fixtures.js';
import { metric } from './setup/metrics.js';
import { FIXTURES } from './setup/paths.js';
import { python, script } from './setup/python.js';
import { RawConnection } from './setup/raw.js';
import { copied, removeRepositories, shipped, written } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

const all = sentences();
const [first, second] = all as [(typeof all)[0], (typeof all)[0]];
const LONG = Array.from({ length: 300 }, (_, index) => (index % 2 ? 'word' : 'house')).join(' ');

let server: Server;
beforeAll(async () => {
  const prompts = JSON.stringify({ prompts: { query: 'query: ' } });
  server = await Server.start({
    TEI_API: 'on',
    // One that is loaded with its first request.
    TEI_MODEL: MINILM,
    BODY_LIMIT_BYTES: String(1024 * 1024),
    MODEL_REPOSITORY: await written({
      'digits/1': { from: `${shipped('digits')}/1` },
      [`${MINILM}/model.yaml`]: `${await readFile(`${shipped(MINILM)}/model.yaml`, 'utf8')}\nloading: { onDemand: true }\n`,
      [`${MINILM}/1`]: { from: `${shipped(MINILM)}/1` },
      [`${MINILM}/1/config_sentence_transformers.json`]: prompts,
    }),
  });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

const tei = (path: string, body: unknown, headers = {}): Promise<Answer> => post(`${server.url}/${path}`, body, headers);

async function answer<T>(path: string, body: unknown): Promise<T> {
  const { status, body: value, text } = await tei(path, body);
  expect([status, status === 200 ? '' : text]).toEqual([200, '']);
  return value as T;
}

const embed = (inputs: unknown, more: object = {}): Promise<number[][]> => answer('embed', { inputs, ...more });

/** The mean of vectors, of length one. */
function meanOf(vectors: readonly number[][]): number[] {
  const sums = (vectors[0] ?? []).map((_, i) => vectors.reduce((sum, vector) => sum + (vector[i] ?? 0), 0));
  const length = Math.hypot(...sums);
  return sums.map((sum) => sum / length);
}

describe('/embed', () => {
  it('answers a bare array of vectors, also for one text', async () => {
    for (const path of ['embed', '', 'invocations']) {
      const vectors = await answer<number[][]>(path, { inputs: first.text });
      expect(vectors).toHaveLength(1);
      expect(distance(vectors[0] ?? [], first.vector)).toBeLessThan(1e-5);
    }
  });

  it('takes texts and token ids, mixed, and many of them in order', async () => {
    const [a = [], b = []] = await embed([first.text, second.ids]);
    expect(distance(a, first.vector)).toBeLessThan(1e-5);
    expect(distance(b, second.vector)).toBeLessThan(1e-5);
    expect(await embed([...first.ids])).toHaveLength(1);
    const vectors = await embed(all.map(({ text }) => text));
    expect(all.filter(({ vector }, index) => distance(vectors[index] ?? [], vector) > 1e-5)).toEqual([]);
  });

  it('cuts to dimensions, of length one or as they are', async () => {
    const [unit = []] = await embed(first.text, { dimensions: 12 });
    const [raw = []] = await embed(first.text, { dimensions: 12, normalize: false });
    expect([unit.length, raw.length, Math.hypot(...unit)]).toEqual([12, 12, expect.closeTo(1, 5)]);
    const scale = Math.hypot(...raw);
    expect(scale).not.toBeCloseTo(1, 1);
    expect(distance(raw.map((value) => value / scale), unit)).toBeLessThan(1e-5); // prettier-ignore
  });

  it('does not normalize when told so: then it is the mean of the vectors of the tokens', async () => {
    const [raw = []] = await embed(first.text, { normalize: false });
    const [tokens = []] = await answer<number[][][]>('embed_all', { inputs: first.text });
    const mean = (tokens[0] ?? []).map((_, i) => tokens.reduce((sum, token) => sum + (token[i] ?? 0), 0) / tokens.length);
    expect(distance(raw, mean)).toBeLessThan(1e-5);
  });

  it('cuts a text that is too long at the end that is asked for, or refuses it', async () => {
    const words = LONG.split(' ');
    const same = async (a: object, b: string): Promise<void> => {
      expect(distance((await embed(LONG, a))[0] ?? [], (await embed(b))[0] ?? [])).toBeLessThan(1e-5);
    };
    await same({}, words.slice(0, 254).join(' '));
    await same({ truncation_direction: 'Left' }, words.slice(-254).join(' '));
    const refused = await tei('embed', { inputs: ['short', LONG], truncate: false });
    expect([refused.status, refused.body]).toEqual([
      422,
      { error: expect.stringContaining('more than 256 tokens'), error_type: 'Validation' },
    ]);
    expect((await tei('embed', { inputs: words.slice(0, 254).join(' '), truncate: false })).status).toBe(200);
  });

  it('puts a prompt in front, and says which there are', async () => {
    const [vector = []] = await embed('What?', { prompt_name: 'query' });
    expect(distance(vector, (await embed('query: What?'))[0] ?? [])).toBeLessThan(1e-6);
    const { status, body } = await tei('embed', { inputs: 'What?', prompt_name: 'nobody' });
    expect([status, body]).toEqual([422, { error: expect.stringContaining('it has query'), error_type: 'Validation' }]);
  });

  it('says in headers what it took', async () => {
    const { headers } = await tei('embed', { inputs: [first.text, 'é🎉'] });
    expect(headers.get('x-compute-characters')).toBe(String(first.text.length + 2));
    expect(headers.get('x-compute-tokens')).toBe(String(first.ids.length + 3));
    expect(headers.get('x-compute-type')).toBe('cpu+optimized');
    for (const name of ['compute', 'total', 'tokenization', 'queue', 'inference']) expect(headers.get(`x-${name}-time`)).toMatch(/^\d+$/);
  });

  it('passes over fields that it does not know, as its clients send them', async () => {
    expect(await embed(first.text, { parameters: {}, nonsense: 1, truncate: null })).toHaveLength(1);
  });
});

it('/embed_all answers a vector for each token, special ones included', async () => {
  const lists = await answer<number[][][]>('embed_all', { inputs: [first.text, second.text] });
  expect(lists.map(({ length }) => length)).toEqual([first.ids.length, second.ids.length]);
  expect(distance(meanOf(lists[0] ?? []), first.vector)).toBeLessThan(1e-5);
  expect(distance(meanOf(lists[1] ?? []), second.vector)).toBeLessThan(1e-5);
  const many = await answer<number[][][]>('embed_all', { inputs: all.slice(0, 30).map(({ text }) => text) });
  expect(many.map(({ length }) => length)).toEqual(all.slice(0, 30).map(({ ids }) => ids.length));
});

it('/similarity answers the cosine of each sentence', async () => {
  const inputs = { source_sentence: first.text, sentences: [first.text, second.text] };
  const scores = await answer<number[]>('similarity', { inputs, parameters: { truncate: true } });
  const cosine = first.vector.reduce((sum, value, index) => sum + value * (second.vector[index] ?? 0), 0);
  expect(scores).toEqual([expect.closeTo(1, 5), expect.closeTo(cosine, 5)]);
});

it('/tokenize tells what stands where, in bytes, and /decode reads it back', async () => {
  const [tokens = []] = await answer<{ id: number; text: string; special: boolean; start: number | null }[][]>('tokenize', {
    inputs: 'Où est?',
    prompt_name: 'query',
  });
  expect(tokens.map(({ text, start }) => [text, start])).toEqual([
    ['[CLS]', null],
    ['query', 0],
    [':', 5],
    ['Où', 7],
    ['est', 11],
    ['?', 14],
    ['[SEP]', null],
  ]);
  const ids = tokens.map(({ id }) => id);
  expect(await answer('decode', { ids })).toEqual(['query : ou est?']);
  expect(await answer('decode', { ids: [ids, [2023]], skip_special_tokens: false })).toEqual(['[CLS] query : ou est? [SEP]', 'this']);
  const [bare = [], long = []] = await answer<object[][]>('tokenize', { inputs: ['a', LONG], add_special_tokens: false });
  expect([bare.length, long.length]).toEqual([1, 300]);
});

it('/info tells what is served', async () => {
  expect((await send(`${server.url}/info`)).body).toMatchObject({
    model_id: MINILM,
    model_dtype: 'float32',
    model_type: { embedding: { pooling: 'mean' } },
    max_input_length: 256,
    auto_truncate: true,
  });
});

it('counts what comes to the root with what comes to /embed', async () => {
  const embedded = (): Promise<number> => metric(server, 'nestor_request_duration_seconds_count', { route: '/embed', status: '200' });
  const before = await embedded();
  await answer('', { inputs: 'to the root' });
  expect(await embedded()).toBe(before + 1);
});

it('is probed where its containers are', async () => {
  for (const path of ['', 'ping', 'health']) expect((await send(`${server.url}/${path}`)).status).toBe(200);
  expect((await send(`${server.url}/ping`)).text).toBe('');
});

describe('errors', () => {
  it.each([
    ['predict', { inputs: 'a' }, 'classifies'],
    ['rerank', { query: 'a', texts: ['a'] }, 'reranker'],
    ['embed_sparse', { inputs: 'a' }, 'SPLADE'],
  ])('of /%s, which wants another kind of model, name it', async (path, body, kind) => {
    const refused = await tei(path, body);
    expect([refused.status, refused.body]).toEqual([424, { error: expect.stringContaining(kind), error_type: 'Backend' }]);
  });

  it.each([
    ['no inputs', 'embed', { inputs: [] }, 400, 'Empty'],
    ['an empty text', 'embed', { inputs: '' }, 400, 'Empty'],
    ['an empty text among others', 'embed_all', { inputs: ['a', ''] }, 400, 'Empty'],
    ['no sentences', 'similarity', { inputs: { source_sentence: 'a', sentences: [] } }, 400, 'Empty'],
    ['token ids for a sentence', 'similarity', { inputs: { source_sentence: 'a', sentences: [[1, 2]] } }, 422, 'Validation'],
    [
      'more sentences than a request may have, whatever they are',
      'similarity',
      { inputs: { source_sentence: 'a', sentences: Array(64 * 1024).fill(null) } },
      413,
      'Validation',
    ],
    ['no ids', 'decode', { ids: [[]] }, 400, 'Empty'],
    ['no field inputs', 'embed', {}, 422, 'Validation'],
    ['inputs that are no texts', 'embed', { inputs: { a: 1 } }, 422, 'Validation'],
    ['ids of another tokenizer', 'embed', { inputs: [[1, 99_999]] }, 422, 'Validation'],
    ['ids that are fractions', 'decode', { ids: [1.5] }, 422, 'Validation'],
    ['texts where there are ids', 'decode', { ids: ['a'] }, 422, 'Validation'],
    ['ids where there are texts', 'tokenize', { inputs: [1, 2] }, 422, 'Validation'],
    ['no dimensions', 'embed', { inputs: 'a', dimensions: 0 }, 422, 'Validation'],
    ['too many dimensions', 'embed', { inputs: 'a', dimensions: 385 }, 422, 'Validation'],
    ['a direction that there is not', 'embed', { inputs: 'a', truncation_direction: 'Up' }, 422, 'Validation'],
    ['no JSON', 'embed', '{', 422, 'Validation'],
    ['a text that is too long to be taken apart', 'tokenize', { inputs: 'a'.repeat(64_001) }, 422, 'Validation'],
    ['texts that are too long together', 'tokenize', { inputs: Array(10).fill('a'.repeat(60_000)) }, 413, 'Validation'],
    ['more than the body may hold', 'embed', ' '.repeat(1024 * 1024 + 1), 413, 'Validation'],
  ])('%s', async (_, path, body, status, type) => {
    const refused = await tei(path, body);
    expect([refused.status, refused.body]).toEqual([status, { error: expect.any(String), error_type: type }]);
  });

  it.each([
    ['a URL with a host', 'POST http://a/embed HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}'],
    ['a body that is broken', 'POST /embed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
  ])('%s, in the same words', async (_, bytes) => {
    const connection = await RawConnection.to(server.url);
    connection.write(bytes);
    const { status, text } = await until('the answer', () => connection.answers[0]);
    connection.socket.destroy();
    expect([status, JSON.parse(text)]).toEqual([422, { error: expect.any(String), error_type: 'Validation' }]);
  });

  it('another format than JSON, another method, a deadline', async () => {
    expect((await tei('embed', 'a', { 'Content-Type': 'text/plain' })).status).toBe(415);
    const wrong = await send(`${server.url}/embed`);
    expect([wrong.status, wrong.headers.get('allow'), wrong.body]).toEqual([
      405,
      'POST',
      { error: expect.any(String), error_type: 'Validation' },
    ]);
    const late = await tei('embed', { inputs: `late, and ${LONG}` }, { 'Request-Timeout': '0.001' });
    expect([late.status, late.body]).toEqual([504, { error: expect.any(String), error_type: 'Overloaded' }]);
  });
});

describe('without TEI_API', () => {
  it('there are no such routes, and none in the document', async () => {
    const off = await Server.start({ MODEL_REPOSITORY: await copied({ digits: shipped('digits') }) });
    try {
      for (const path of ['embed', 'embed_all', 'similarity', 'tokenize', 'decode', '']) {
        const { status, body } = await post(`${off.url}/${path}`, { inputs: 'a' });
        expect([path, status, (body as Problem).code]).toEqual([path, 404, 'NOT_FOUND']);
      }
      expect((await send(`${off.url}/info`)).status).toBe(404);
      const { paths } = (await send(`${off.url}/openapi.json`)).body as { paths: object };
      expect(Object.keys(paths)).not.toContain('/embed');
    } finally {
      await off.stop();
    }
  });
});

it.each([
  ['no embedding model', { digits: shipped('digits') }, '', 'there are none'],
  ['two, and none is named', { a: shipped(MINILM), b: shipped(MINILM) }, '', 'there are a, b; name it in TEI_MODEL'],
  ['one that is named and is not there', { a: shipped(MINILM) }, 'b', 'TEI_MODEL=b is no embedding model'],
])('the boot stops where there is %s', async (_, models, TEI_MODEL, message) => {
  const { code, output } = await Server.launch({ TEI_API: 'on', TEI_MODEL, MODEL_REPOSITORY: await copied(models) }).ended();
  expect([code, output]).toEqual([1, expect.stringContaining(message)]);
});

it("Hugging Face's client works unchanged", async () => {
  const interpreter = python();
  if (!interpreter) return;
  expect(await script(interpreter, 'tei.py', server.url, FIXTURES)).toContain('ok');
});
