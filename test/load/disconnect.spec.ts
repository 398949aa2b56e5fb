// Clients that hang up take what they asked for out of the queue, and nobody else notices.
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { post } from '../setup/client.js';
import { begun } from '../setup/connection.js';
import { distance, MINILM, sentences } from '../setup/fixtures.js';
import { metric } from '../setup/metrics.js';
import { limited, removeRepositories } from '../setup/repository.js';
import { Server } from '../setup/server.js';
import { until } from '../setup/until.js';

const long = sentences().filter(({ ids }) => ids.length > 50);
const [first] = long as [(typeof long)[0]];

let server: Server;
let embeddings: string;
let before: number;
beforeAll(async () => {
  server = await Server.start({ MODEL_REPOSITORY: await limited([MINILM], 2), CACHE: 'off' });
  embeddings = `${server.url}/v1/embeddings`;
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});
beforeEach(async () => {
  before = await metric(server, 'nestor_batch_items_sum');
});

/** Texts that the model has run since the test began. */
const executed = async (): Promise<number> => (await metric(server, 'nestor_batch_items_sum')) - before;
const queued = (): Promise<number> => metric(server, 'nestor_queue_items');
const toQueue = (items: number): Promise<unknown> => until('texts to queue', async () => (await queued()) >= items || undefined);
const toEmpty = (): Promise<unknown> => until('the queue to be empty', async () => (await queued()) === 0 || undefined);

async function expectServing(): Promise<void> {
  const { status, body } = await post(embeddings, { model: MINILM, input: first.text });
  const [only] = (body as { data: { embedding: number[] }[] }).data;
  expect(status).toBe(200);
  expect(distance(only?.embedding ?? [], first.vector)).toBeLessThan(1e-5);
}

it('single texts leave, and those of clients that stay get their vectors', async () => {
  const leaving = new AbortController();
  const texts = Array.from({ length: 96 }, (_, index) => ({ stays: index % 8 === 0, sentence: long[index % long.length] ?? first }));
  const answers = texts.map(({ stays, sentence }) =>
    post(embeddings, { model: MINILM, input: sentence.text }, {}, stays ? undefined : leaving.signal).catch(() => undefined),
  );
  await toQueue(60);
  leaving.abort();
  for (const [index, { stays, sentence }] of texts.entries()) {
    const answer = await answers[index];
    if (!stays) continue;
    const [only] = (answer?.body as { data: { embedding: number[] }[] }).data;
    expect(distance(only?.embedding ?? [], sentence.vector)).toBeLessThan(1e-5);
  }
  await toEmpty();
  expect(await executed()).toBeLessThan(texts.length - 30);
  expect(await metric(server, 'nestor_rejected_total', { reason: 'CANCELLED' })).toBeGreaterThan(30);
});

it('the rest of a large array leaves', async () => {
  const leaving = new AbortController();
  const input = Array.from({ length: 600 }, (_, index) => long[index % long.length]?.text);
  const answer = post(embeddings, { model: MINILM, input }, {}, leaving.signal).catch(() => 'gone');
  await toQueue(100);
  leaving.abort();
  expect(await answer).toBe('gone');
  await toEmpty();
  expect(await executed()).toBeLessThan(input.length - 50);
  await expectServing();
});

it('a client that leaves in the middle of its body is forgotten', async () => {
  const socket = await begun(embeddings, 1_000_000, '{"model":"all-minilm-l6-v2","input":[');
  socket.destroy();
  await expectServing();
  expect(await executed()).toBe(1);
});

it('a client that leaves in the middle of a large answer is forgotten', async () => {
  const body = JSON.stringify({ model: MINILM, input: Array.from({ length: 1000 }, () => 'short') });
  const socket = await begun(embeddings, body.length, body);
  await once(socket, 'data');
  socket.destroy();
  await expectServing();
  expect(server.running).toBe(true);
});
