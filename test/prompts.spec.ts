// Prompts of a model in every embeddings request: Sentence Transformers' files and model.yaml say which there are.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EmbeddingsRequestSchema, EmbeddingsResponseSchema } from '../src/http/codecs/nestor_pb.js';
import { post } from './setup/client.js';
import { distance, MINILM } from './setup/fixtures.js';
import { ONE_WORKER, removeRepositories, shipped, written, type Files } from './setup/repository.js';
import { Server } from './setup/server.js';

const PROMPTS = { query: 'query: ', passage: 'A passage, please. ', literal: '{{ text }} ' };
const SEGMENTS = readFileSync(join(shipped(MINILM), 'model.yaml'), 'utf8');
const TEXT = 'What is the capital of France?';

/** The shipped model with prompts. */
function model(name: string, config: object, manifest: string, pooling: object = {}): Files {
  return {
    ...Object.fromEntries(
      ['model.onnx', 'tokenizer.json', 'config.json', 'modules.json', 'sentence_bert_config.json'].map((file) => [
        `${name}/1/${file}`,
        { from: join(shipped(MINILM), '1', file) },
      ]),
    ),
    [`${name}/1/1_Pooling/config.json`]: JSON.stringify({ pooling_mode_mean_tokens: true, ...pooling }),
    [`${name}/1/config_sentence_transformers.json`]: JSON.stringify(config),
    [`${name}/model.yaml`]: `${SEGMENTS}\n${ONE_WORKER}${manifest}`,
  };
}

let server: Server;
beforeAll(async () => {
  const yaml = `prompts:\n  ask: "Question: {{ text | upper }} Answer:"\n  query: "ask: "\n`;
  server = await Server.start({
    MODEL_REPOSITORY: await written({
      ...model('named', { prompts: PROMPTS, default_prompt_name: null }, yaml),
      ...model('defaulted', { prompts: PROMPTS, default_prompt_name: 'passage' }, ''),
      ...model('left-out', { prompts: PROMPTS, default_prompt_name: null }, '', { include_prompt: false }),
    }),
  });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

interface Answer {
  readonly data: readonly { readonly embedding: number[] }[];
  readonly usage: { readonly prompt_tokens: number };
}

const request = (name: string, fields: object) => post(`${server.url}/v1/embeddings`, { model: name, input: TEXT, ...fields });

async function embed(name: string, fields: object): Promise<{ vector: number[]; tokens: number }> {
  const { status, body } = await request(name, fields);
  expect(status).toBe(200);
  const { data, usage } = body as Answer;
  return { vector: data[0]?.embedding ?? [], tokens: usage.prompt_tokens };
}

/** The same vector, and as many tokens. */
async function expectSame(name: string, fields: object, others: object): Promise<void> {
  const [a, b] = [await embed(name, fields), await embed(name, others)];
  expect(distance(a.vector, b.vector)).toBeLessThan(1e-6);
  expect(a.tokens).toBe(b.tokens);
}

describe('a prompt', () => {
  it('stands in front of the text, and counts as tokens', async () => {
    await expectSame('named', { prompt_name: 'passage' }, { input: PROMPTS.passage + TEXT });
    await expectSame('named', { prompt: 'my own: ' }, { input: `my own: ${TEXT}` });
    expect((await embed('named', { prompt_name: 'passage' })).tokens).toBeGreaterThan((await embed('named', {})).tokens);
  });

  it('of model.yaml goes before that of the export, and may be a template', async () => {
    await expectSame('named', { prompt_name: 'query' }, { input: `ask: ${TEXT}` });
    await expectSame('named', { prompt_name: 'ask' }, { input: `Question: ${TEXT.toUpperCase()} Answer:` });
  });

  it('of the export is plain text whatever it holds', async () => {
    await expectSame('named', { prompt_name: 'literal' }, { input: `{{ text }} ${TEXT}` });
  });

  it('goes in front of each of several texts, and of token ids', async () => {
    const { body } = await request('named', { input: [TEXT, 'Another'], prompt_name: 'passage' });
    const [, second] = (body as Answer).data;
    expect(distance(second?.embedding ?? [], (await embed('named', { input: `${PROMPTS.passage}Another` })).vector)).toBeLessThan(1e-6);
    // Their text, "this is an example sentence", after the prompt.
    const ids = [101, 2023, 2003, 2019, 2742, 6251, 102];
    await expectSame('named', { input: ids, prompt_name: 'passage' }, { input: `${PROMPTS.passage}This is an example sentence` });
  });

  it('is the default of the export until another is asked for, or none', async () => {
    await expectSame('defaulted', {}, { input: PROMPTS.passage + TEXT, prompt: '' });
    await expectSame('defaulted', { prompt_name: 'query' }, { input: `query: ${TEXT}`, prompt: '' });
  });

  it('is a field of MsgPack, which shares the document, and of Protobuf', async () => {
    const message = create(EmbeddingsRequestSchema, { model: 'named', texts: [TEXT], promptName: 'passage' });
    const response = await fetch(`${server.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-protobuf' },
      body: toBinary(EmbeddingsRequestSchema, message) as never,
    });
    const { embeddings } = fromBinary(EmbeddingsResponseSchema, new Uint8Array(await response.arrayBuffer()));
    const vector = [...new Float32Array(embeddings.slice().buffer)];
    expect(distance(vector, (await embed('named', { prompt_name: 'passage' })).vector)).toBeLessThan(1e-6);
  });
});

describe('a prompt that is left out of the pooling (include_prompt: false)', () => {
  /** The mean of the tokens from there on, by hand from what the graph puts out. */
  async function meanFrom(first: number, text: string): Promise<number[]> {
    const body = { instances: [text], outputs: ['last_hidden_state'] };
    const answer = (await post(`${server.url}/v1/models/left-out/predict`, body)).body as { predictions: number[][][] };
    const tokens = (answer.predictions[0] ?? []).slice(first);
    const sums = (tokens[0] ?? []).map((_, i) => tokens.reduce((sum, token) => sum + (token[i] ?? 0), 0));
    const length = Math.hypot(...sums);
    return sums.map((sum) => sum / length);
  }

  it('is read by the model, and not averaged with the text', async () => {
    // [CLS] query :
    const { vector } = await embed('left-out', { prompt_name: 'query' });
    expect(distance(vector, await meanFrom(3, `query: ${TEXT}`))).toBeLessThan(1e-5);
    expect(distance(vector, await meanFrom(0, `query: ${TEXT}`))).toBeGreaterThan(1e-3);
    expect(distance((await embed('left-out', {})).vector, await meanFrom(0, TEXT))).toBeLessThan(1e-5);
  });

  it('leaves the end of the text where it is longer than the model reads', async () => {
    const { vector, tokens } = await embed('left-out', { prompt: 'word '.repeat(400) });
    expect([tokens, vector.length]).toEqual([256, 384]);
  });
});

describe('what cannot be is refused', () => {
  it.each([
    ['an unknown prompt, with those that there are', { prompt_name: 'nobody' }, 'prompt_name', 'query, passage, literal, ask'],
    ['a prompt and its name', { prompt_name: 'query', prompt: 'a' }, 'prompt_name', 'not both'],
    ['a prompt that is no text', { prompt: 1 }, 'prompt', 'prompt must be'],
  ])('%s', async (_, fields, param, part) => {
    const { status, body } = await request('named', fields);
    expect([status, body]).toEqual([400, { error: expect.objectContaining({ param, message: expect.stringContaining(part) }) }]);
  });

  it('a default that there is not, at the boot', async () => {
    const MODEL_REPOSITORY = await written(model('wrong', { prompts: PROMPTS, default_prompt_name: 'nobody' }, ''));
    const { code, output } = await Server.launch({ MODEL_REPOSITORY }).ended();
    expect([code, output]).toEqual([1, expect.stringContaining('the default prompt "nobody" is none of the prompts')]);
  });
});
