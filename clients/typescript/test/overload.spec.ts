// A server with more to do than it can: who is refused comes again when told, who leaves is forgotten.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { distance, MINILM } from '../../../test/setup/fixtures.js';
import { metric } from '../../../test/setup/metrics.js';
import { ONE_WORKER, removeRepositories, shipped, written } from '../../../test/setup/repository.js';
import { Server } from '../../../test/setup/server.js';
import { until } from '../../../test/setup/until.js';
import { NestorClient } from '../src/main.js';

/** Long enough to keep the worker busy for longer than its callers take to come. */
const LONG = 'A long text keeps the model busy for a while. '.repeat(40);
const CALLERS = 12;
const MANY = Array.from({ length: 300 }, () => LONG);

let server: Server;
let client: NestorClient;
beforeAll(async () => {
  const files = { from: `${shipped(MINILM)}/1` };
  const repository = await written({
    'roomy/1': files,
    'roomy/model.yaml': ONE_WORKER,
    'narrow/1': files,
    'narrow/model.yaml': `${ONE_WORKER}queue: { maxItems: 4 }\n`,
  });
  // After an abort Node's fetch opens the connection anew and leaves it unused; the server waits for it until the grace is over.
  server = await Server.start({ MODEL_REPOSITORY: repository, CACHE: 'off', SHUTDOWN_GRACE_SECONDS: '1' });
  client = new NestorClient(server.url);
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

const rejected = (reason: string): Promise<number> => metric(server, 'nestor_rejected_total', { reason });

it('everybody is served who comes back when the queue has room again', async () => {
  const [expected = []] = await client.embed([LONG], { model: 'roomy' });
  const calls = Array.from({ length: CALLERS }, () => client.embed([LONG], { model: 'narrow', retries: 20 }));
  for (const [vector = []] of await Promise.all(calls)) expect(distance([...vector], [...expected])).toBeLessThan(1e-5);
  expect(await rejected('QUEUE_FULL')).toBeGreaterThan(0);
});

it('who does not come back learns when to', async () => {
  const calls = Array.from({ length: CALLERS }, () => client.embed([LONG], { model: 'narrow', retries: 0 }));
  const refused = (await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  expect(refused.length).toBeGreaterThan(0);
  for (const { reason } of refused) {
    expect(reason).toMatchObject({ code: 'QUEUE_FULL', status: 429, requestId: expect.stringMatching(/-/) as unknown });
    expect((reason as { retryAfterMs: number }).retryAfterMs).toBeGreaterThanOrEqual(1000);
  }
});

it('more than may ever wait is refused once and for all', async () => {
  const texts = Array.from({ length: 5 }, () => 'text');
  await expect(client.embed(texts, { model: 'narrow' })).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', status: 413 });
});

it('an abort takes the texts out of the queue', async () => {
  const executed = (): Promise<number> => metric(server, 'nestor_batch_items_sum', { model: 'roomy' });
  const queued = (): Promise<number> => metric(server, 'nestor_queue_items', { model: 'roomy' });
  const before = await executed();
  const leaving = new AbortController();
  const call = client.embed(MANY, { model: 'roomy', signal: leaving.signal });
  const gone = expect(call).rejects.toMatchObject({ name: 'AbortError' });
  await until('texts to queue', async () => (await queued()) > 100 || undefined);
  leaving.abort();
  await gone;
  await until('the queue to be empty', async () => (await queued()) === 0 || undefined);
  expect((await executed()) - before).toBeLessThan(MANY.length - 20);
});

it('a deadline that cannot be met ends the call here and there', async () => {
  await expect(client.embed(MANY, { model: 'roomy', timeoutMs: 100 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  await until('the queue to be empty', async () => (await metric(server, 'nestor_queue_items')) === 0 || undefined);
});
