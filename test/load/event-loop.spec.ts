// No inference runs on the event loop: the liveness probe answers at once while 32 clients keep every worker busy.
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { post, send } from '../setup/client.js';
import { MINILM, sentences } from '../setup/fixtures.js';
import { metric } from '../setup/metrics.js';
import { copied, removeRepositories, shipped } from '../setup/repository.js';
import { Server } from '../setup/server.js';

/** 32, or more where there are cores for them: texts must wait. */
const CLIENTS = Math.max(32, 8 * availableParallelism());
const PROBES = 1000;
const P99_MS = 50;

let server: Server;
beforeAll(async () => {
  server = await Server.start({ MODEL_REPOSITORY: await copied({ [MINILM]: shipped(MINILM) }), CACHE: 'off' });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

it('answers /health/live within 50 ms (p99) under load', async () => {
  const texts = sentences().map(({ text }) => text);
  const embed = async (input: string | undefined): Promise<number> => (await post(`${server.url}/v1/embeddings`, { model: MINILM, input, encoding_format: 'base64' })).status; // prettier-ignore
  const measuring = new AbortController();
  const statuses = new Set<number>();
  let answered = 0;
  const client = async (_: unknown, first: number): Promise<void> => {
    for (let next = first; !measuring.signal.aborted; next += CLIENTS) {
      statuses.add(await embed(texts[next % texts.length]));
      answered += 1;
    }
  };
  const load = Promise.all(Array.from({ length: CLIENTS }, client));

  const waits: number[] = [];
  let busy = 0;
  for (let probe = 0; probe < PROBES; probe++) {
    const started = performance.now();
    const { status } = await send(`${server.url}/health/live`);
    waits.push(performance.now() - started);
    expect(status).toBe(200);
    if (probe % 40 === 0 && (await metric(server, 'nestor_queue_items', { model: MINILM })) > 0) busy += 1;
  }
  measuring.abort();
  await load;

  const p99 = waits.toSorted((a, b) => a - b)[Math.floor(PROBES * 0.99)];
  expect(p99).toBeLessThanOrEqual(P99_MS);
  expect([...statuses]).toEqual([200]);
  expect(answered).toBeGreaterThan(CLIENTS);
  // Texts waited at almost every look: the workers had no pause in which the probe could have been answered.
  expect(busy).toBeGreaterThan(20);
});
