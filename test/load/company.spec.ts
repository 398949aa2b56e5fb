// Requests that travel together do not notice each other: everybody gets the own answer, and one bad row spoils no other.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post } from '../setup/client.js';
import { digits, distance, MINILM, sentences, sound } from '../setup/fixtures.js';
import { inParallel } from '../setup/load.js';
import { metric } from '../setup/metrics.js';
import { limited, removeRepositories } from '../setup/repository.js';
import { Server } from '../setup/server.js';

const CLIENTS = 32;

let server: Server;
beforeAll(async () => {
  server = await Server.start({ MODEL_REPOSITORY: await limited(['digits', 'silero-vad', MINILM], 1), CACHE: 'off' });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

const predict = (model: string, body: unknown) => post(`${server.url}/v1/models/${model}/predict`, body);

it('rows of many clients travel as one tensor and find their way back', async () => {
  const { pixels, labels } = digits();
  const whole = await predict('digits', { instances: pixels });
  const answers = await inParallel(pixels, CLIENTS, (row) => predict('digits', { instances: [row] }));
  expect(answers.map(({ body }) => (body as { predictions: { label: string }[] }).predictions[0]?.label)).toEqual(
    (whole.body as { predictions: { label: string }[] }).predictions.map(({ label }) => label),
  );
  const [batches, items] = [
    await metric(server, 'nestor_batch_items_count', { model: 'digits' }),
    await metric(server, 'nestor_batch_items_sum', { model: 'digits' }),
  ];
  expect(items).toBeGreaterThanOrEqual(2 * labels.length);
  expect(batches).toBeLessThan(items / 1.5);
});

it('a model whose rows cannot share a tensor serves many clients at once', async () => {
  const frames = [...sound('speech'), ...sound('silence')];
  const state = { shape: [2, 1, 128], data: Array.from({ length: 256 }, () => 0) };
  const listen = (frame: number[]) => predict('silero-vad', { inputs: { input: [frame], state, sr: 16000 }, outputs: ['output'] });
  const alone = await inParallel(frames, 1, listen);
  const together = await inParallel(frames, CLIENTS, listen);
  expect(alone.map(({ status }) => status)).toEqual(frames.map(() => 200));
  expect(together.map(({ text }) => text)).toEqual(alone.map(({ text }) => text));
});

describe('a row that the model refuses', () => {
  const good = sentences().filter(({ ids }) => ids.length === 8);
  const tensors = (ids: readonly number[]): object => ({
    inputs: { input_ids: [ids], attention_mask: [ids.map(() => 1)], token_type_ids: [ids.map(() => 0)] },
    outputs: ['sentence_embedding'],
  });

  it('fails alone, its company gets the right vectors', async () => {
    const bodies = Array.from({ length: 96 }, (_, index) =>
      index % 12 === 5 ? [101, 1, 2, 3, 4, 5, 30_000_000, 102] : (good[index % good.length]?.ids ?? []),
    );
    const answers = await inParallel(bodies, bodies.length, (ids) => predict(MINILM, tensors(ids)));
    const bad = answers.filter((_, index) => index % 12 === 5);
    expect(bad.filter(({ status }) => status === 200)).toEqual([]);
    answers.forEach(({ status, body }, index) => {
      if (index % 12 === 5) return;
      expect([index, status]).toEqual([index, 200]);
      const { data } = (body as { outputs: { sentence_embedding: { data: number[] } } }).outputs.sentence_embedding;
      expect(distance(data, [...(good[index % good.length]?.vector ?? [])])).toBeLessThan(1e-5);
    });
  });
});
