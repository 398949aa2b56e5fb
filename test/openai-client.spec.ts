// OpenAI's official clients, of npm and of PyPI, work against this server as they come.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import { distance, MINILM, sentences } from './setup/fixtures.js';
import { FIXTURES } from './setup/paths.js';
import { python, script } from './setup/python.js';
import { ONE_WORKER, removeRepositories, shipped, written } from './setup/repository.js';
import { Server } from './setup/server.js';

const all = sentences();
const [first, second] = all as [(typeof all)[0], (typeof all)[0]];

let server: Server;
let client: OpenAI;
beforeAll(async () => {
  server = await Server.start();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'not needed', maxRetries: 0 });
});
afterAll(() => server.stop());

async function embed(params: Omit<OpenAI.EmbeddingCreateParams, 'model'>): Promise<number[][]> {
  const { data } = await client.embeddings.create({ model: MINILM, ...params });
  return data.map(({ embedding }) => embedding);
}

describe('embeddings', () => {
  it('come back without an encoding_format, which the client then asks for as base64', async () => {
    const answer = await client.embeddings.create({ model: MINILM, input: first.text });
    expect(answer).toMatchObject({ object: 'list', model: MINILM, usage: { prompt_tokens: 7, total_tokens: 7 } });
    expect(answer.data).toHaveLength(1);
    expect(distance(answer.data[0]?.embedding ?? [], first.vector)).toBeLessThan(1e-5);
  });

  it('come back as floats', async () => {
    const [vector = []] = await embed({ input: first.text, encoding_format: 'float' });
    expect(distance(vector, first.vector)).toBeLessThan(1e-5);
  });

  it('come back as base64 of little-endian floats', async () => {
    const [text] = (await embed({ input: first.text, encoding_format: 'base64' })) as unknown as string[];
    const bytes = Buffer.from(text ?? '', 'base64');
    const vector = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
    expect(distance(vector, first.vector)).toBeLessThan(1e-5);
  });

  it('are cut to fewer dimensions and have length one again', async () => {
    const [vector = []] = await embed({ input: first.text, dimensions: 128 });
    const start = first.vector.slice(0, 128);
    const length = Math.hypot(...start);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    expect(distance(vector, start.map((value) => value / length))).toBeLessThan(1e-5); // prettier-ignore
  });

  it('take null for a field that may be left out', async () => {
    const [vector = []] = await embed({ input: first.text, dimensions: null, encoding_format: null, user: null } as never);
    expect(distance(vector, first.vector)).toBeLessThan(1e-5);
  });

  it('are the same for token ids, of one text and of several', async () => {
    const [one = []] = await embed({ input: [...first.ids] });
    const [a = [], b = []] = await embed({ input: [[...second.ids], [...first.ids]] });
    expect(distance(one, first.vector)).toBeLessThan(1e-5);
    expect(distance(a, second.vector)).toBeLessThan(1e-5);
    expect(distance(b, first.vector)).toBeLessThan(1e-5);
  });

  it('count the tokens of all inputs', async () => {
    const { usage } = await client.embeddings.create({ model: MINILM, input: all.slice(0, 20).map(({ text }) => text) });
    const tokens = all.slice(0, 20).reduce((sum, { ids }) => sum + ids.length, 0);
    expect(usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens });
  });

  it('come back in order for 3,000 texts in one request', async () => {
    const short = all.filter(({ ids }) => ids.length <= 13);
    const many = Array.from({ length: 3000 }, (_, index) => short[(index * 7) % short.length] ?? first);
    const { data } = await client.embeddings.create({ model: MINILM, input: many.map(({ text }) => text) });
    expect(data.map(({ index }) => index)).toEqual(many.map((_, index) => index));
    expect(many.filter(({ vector }, index) => distance(data[index]?.embedding ?? [], vector) > 1e-5)).toEqual([]);
  });
});

describe('errors are of the types that the client has for them', () => {
  it.each([
    ['an empty text', { input: '' }, 'input'],
    ['no text', { input: [] }, 'input'],
    ['an unknown format', { input: 'a', encoding_format: 'hex' }, 'encoding_format'],
    ['too many dimensions', { input: 'a', dimensions: 385 }, 'dimensions'],
    ['token ids that are none', { input: [1.5] }, 'input'],
    ['token ids of another tokenizer', { input: [[101, 100_000, 102]] }, 'input[0]'],
    ['an unknown field', { input: 'a', nonsense: 1 }, 'nonsense'],
  ])('400 for %s', async (_, params, param) => {
    const thrown: unknown = await embed(params as never).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(BadRequestError);
    expect(thrown).toMatchObject({ status: 400, param, code: 'invalid_request', type: 'invalid_request_error' });
  });

  it('400 for a model that embeds nothing', async () => {
    const thrown: unknown = await client.embeddings.create({ model: 'digits', input: 'a' }).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(BadRequestError);
    expect(thrown).toMatchObject({ param: 'model' });
  });

  it('404 for an unknown model', async () => {
    const thrown: unknown = await client.embeddings.create({ model: 'nobody', input: 'a' }).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(NotFoundError);
    expect(thrown).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  });
});

describe('models', () => {
  it('are listed', async () => {
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids.sort()).toEqual(['all-minilm-l6-v2', 'digits', 'silero-vad', 'text-orientation']);
  });

  it('are shown with their signature', async () => {
    const model = await client.models.retrieve('digits');
    expect(model).toMatchObject({
      id: 'digits',
      object: 'model',
      owned_by: 'nestor',
      task: 'classification',
      versions: [{ version: '1', state: 'ready' }],
      inputs: [{ name: 'pixels', datatype: 'FP32', shape: [-1, 64] }],
      outputs: [
        { name: 'label', datatype: 'INT64' },
        { name: 'probabilities', shape: [-1, 10] },
      ],
      labels: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    });
  });

  it('404 for an unknown one', async () => {
    await expect(client.models.retrieve('nobody')).rejects.toBeInstanceOf(NotFoundError);
  });
});

it('the client of PyPI is served: sync and async, floats and base64, its own errors, another try after 429', async () => {
  const interpreter = python();
  if (!interpreter) return;
  const narrow = {
    'narrow/1': { from: `${shipped(MINILM)}/1` },
    'narrow/model.yaml': `${ONE_WORKER}queue: { maxItems: 4 }\n`,
  };
  const repository = await written({ ...narrow, [MINILM]: { from: shipped(MINILM) }, digits: { from: shipped('digits') } });
  const crowded = await Server.start({ MODEL_REPOSITORY: repository, CACHE: 'off' });
  try {
    expect(await script(interpreter, 'openai_embeddings.py', crowded.url, FIXTURES)).toBe('ok\n');
  } finally {
    await crowded.stop();
    await removeRepositories();
  }
});
