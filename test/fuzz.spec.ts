// 10,000 malformed bodies, made of valid ones: none is answered with a 5xx, the process lives on and does not grow.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { post, send, type Problem } from './setup/client.js';
import { example, MINILM, sound } from './setup/fixtures.js';
import { inParallel } from './setup/load.js';
import { mutate, oneOf } from './setup/mutate.js';
import { COLLECTS, keptBytes } from './setup/kept-bytes.js';
import { Server } from './setup/server.js';
import { seeded } from './soak/random.js';

const BODIES = 14_000;
const CLIENTS = 8;
/** What half of the bodies, sent again, may leave behind: below 2 kB each, so that nothing of a request is kept. */
const GROWTH_BYTES = 14 * 1024 * 1024;

const row = (example('digits') as { instances: number[][] }).instances[0] ?? [];
const ids = [[101, 2023, 2003, 102]];
const tokens = { input_ids: ids, attention_mask: [[1, 1, 1, 1]], token_type_ids: [[0, 0, 0, 0]] };
const state = { shape: [2, 1, 128], datatype: 'FP32', data: Array.from({ length: 256 }, () => 0) };
const [frame] = sound('speech');
/** A valid body of every kind, by the route that takes it. */
const VALID: readonly (readonly [string, unknown])[] = [
  ['/v1/models/digits/predict', { instances: [row, row], id: 'a' }],
  ['/v1/models/digits/versions/1/predict', { inputs: { pixels: { shape: [1, 64], datatype: 'FP32', data: row } }, outputs: ['label'] }],
  ['/v1/models/digits/predict', { inputs: { pixels: [row] } }],
  ['/v1/models/silero-vad/predict', { inputs: { input: [frame], state, sr: 16000 } }],
  ['/v1/models/silero-vad/predict', { inputs: { input: [frame], state, sr: { shape: [], datatype: 'INT64', data: [16000] } } }],
  ['/v1/models/text-orientation/predict', example('text-orientation')],
  [`/v1/models/${MINILM}/predict`, { instances: ['a text', 'another'], outputs: ['sentence_embedding'] }],
  [`/v1/models/${MINILM}/predict`, { inputs: tokens, outputs: ['sentence_embedding'] }],
  ['/v1/embeddings', { model: MINILM, input: ['a text', 'another'], encoding_format: 'base64', dimensions: 12, user: 'me' }],
  ['/v1/embeddings', { model: MINILM, input: ids }],
];

let server: Server;
beforeAll(async () => {
  server = await Server.start({ CACHE_MEMORY_BYTES: '4000000' }, COLLECTS);
});
afterAll(() => server.stop());

/** The body without its long rows of numbers. */
const shortened = (body: Buffer): string =>
  body
    .toString('latin1')
    .replaceAll(/(-?[\d.e-]+,){8,}/g, '..., ')
    .slice(0, 400);

it('every valid body is answered', async () => {
  for (const [path, body] of VALID) expect([path, (await post(server.url + path, body)).status]).toEqual([path, 200]);
});

it('malformed bodies are refused and leave nothing behind', async () => {
  const random = seeded(20_261_124);
  const bodies = Array.from({ length: BODIES }, () => {
    const [path, valid] = oneOf(random, VALID);
    return { path, body: mutate(valid, random) };
  });
  const counts = new Map<number, number>();
  const failures = new Set<string>();
  const round = async (some: typeof bodies): Promise<void> => {
    await inParallel(some, CLIENTS, async ({ path, body }) => {
      const answer = await send(server.url + path, { method: 'POST', body });
      counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
      if (answer.status >= 500) failures.add(`${(answer.body as Problem).code} ${path} ${shortened(body)}`);
    });
  };
  await round(bodies);
  // Heaps and sessions grow to their largest work; what a leak would take, it takes every time.
  let grown = Infinity;
  for (let again = 0; again < 4 && grown >= GROWTH_BYTES; again++) {
    const before = await keptBytes(server);
    await round(bodies.slice(0, BODIES / 2));
    grown = (await keptBytes(server)) - before;
  }

  expect([...failures].slice(0, 20)).toEqual([]);
  expect([...counts.keys()].filter((status) => ![200, 400, 404, 406].includes(status))).toEqual([]);
  expect(counts.get(400)).toBeGreaterThanOrEqual(10_000);
  expect(grown).toBeLessThan(GROWTH_BYTES);
  expect((await send(`${server.url}/health/ready`)).status).toBe(200);
}, 180_000);
