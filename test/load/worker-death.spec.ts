// A worker thread that dies while it serves costs its own batch and nothing else.
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { post, send, type Answer, type Problem } from '../setup/client.js';
import { distance, MINILM, sentences } from '../setup/fixtures.js';
import { metric } from '../setup/metrics.js';
import { FIXTURES } from '../setup/paths.js';
import { removeRepositories, shipped, withWorkers, written } from '../setup/repository.js';
import { Server } from '../setup/server.js';
import { until } from '../setup/until.js';

/** Batches that a worker holds: the one that runs and the one that is prepared. */
const DEPTH = 2;
const KILLABLE = ['--import', join(FIXTURES, 'preload/kill-worker.mjs')];
const long = sentences().filter(({ ids }) => ids.length > 70);

let server: Server | undefined;
/** Prepared once: whoever takes the preparation away brings it back. */
let cache: string;
beforeAll(async () => {
  cache = await written({});
});
afterEach(() => server?.stop());
afterAll(removeRepositories);

/** A server of one text model with so many workers, whose batches are single texts. */
async function serve(workers: number): Promise<Server> {
  const manifest = `${withWorkers(workers)}batching: { maxRows: 1 }\n`;
  const repository = await written({ 'text/1': { from: join(shipped(MINILM), '1') }, 'text/model.yaml': manifest });
  return (server = await Server.start({ MODEL_REPOSITORY: repository, CACHE_DIR: cache, CACHE: 'off' }, KILLABLE));
}

const embed = (running: Server, input: string): Promise<Answer> => post(`${running.url}/v1/embeddings`, { model: 'text', input });

/** Sends texts until they queue, and ends a worker then. */
async function killUnderLoad(running: Server, texts: readonly string[]): Promise<Answer[]> {
  const answers = texts.map((text) => embed(running, text));
  await until('texts to queue', async () => (await metric(running, 'nestor_queue_items')) > texts.length / 2 || undefined);
  running.signal('SIGUSR2');
  return Promise.all(answers);
}

interface Health {
  readonly details: { readonly models: { readonly 'text/1': string } };
}
const workersAlive = ({ body }: Answer): string => (body as Health).details.models['text/1'];

it.each([2, 1])('with %i workers all texts but those of its batches are answered, and the next one too', async (workers) => {
  const running = await serve(workers);
  const texts = [...long, ...long];
  const answers = await killUnderLoad(running, texts.map(({ text }) => text)); // prettier-ignore

  const lost = answers.filter(({ status }) => status !== 200);
  expect(lost.length).toBeGreaterThanOrEqual(1);
  expect(lost.length).toBeLessThanOrEqual(DEPTH);
  for (const { status, body, headers } of lost) {
    expect([status, body]).toMatchObject([503, { error: { code: 'worker_lost', type: 'server_error' } }]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  }
  answers.forEach(({ status, body }, index) => {
    if (status !== 200) return;
    const [first] = (body as { data: { embedding: number[] }[] }).data;
    expect(distance(first?.embedding ?? [], [...(texts[index]?.vector ?? [])])).toBeLessThan(1e-5);
  });
  expect((await embed(running, 'the next')).status).toBe(200);
  await until('all workers to be back', async () => workersAlive(await send(`${running.url}/health/ready`)) === `${workers} of ${workers} workers alive` || undefined); // prettier-ignore
  expect(await metric(running, 'nestor_worker_restarts_total', { model: 'text', version: '1' })).toBe(1);
  expect(running.running).toBe(true);
});

it('readiness says meanwhile how many are alive, and no only when none is', async () => {
  const running = await serve(2);
  const ready = (): Promise<Answer> => send(`${running.url}/health/ready`);
  const alive = (count: number): Promise<Answer> =>
    until(`${count} workers to be alive`, async () => {
      const answer = await ready();
      return workersAlive(answer).startsWith(`${count} `) ? answer : undefined;
    });
  // What was prepared is what a worker loads: none comes back before somebody has looked.
  const file = join(cache, 'prepared');
  await rename(file, `${file}.gone`);
  running.signal('SIGUSR2');
  expect((await alive(1)).status).toBe(200);
  running.signal('SIGUSR2');
  expect((await alive(0)).status).toBe(503);
  expect((await send(`${running.url}/health/live`)).status).toBe(200);
  await rename(`${file}.gone`, file);
  await alive(2);
});

it('a worker that cannot come back leaves 503 and not a wait for ever, and comes back when it can', async () => {
  const running = await serve(1);
  // What was prepared is what a worker loads.
  const file = join(cache, 'prepared');
  await rename(file, `${file}.gone`);
  running.signal('SIGUSR2');
  const refused = await until('a text to be refused for want of workers', async () => {
    const answer = await embed(running, 'a text');
    return answer.status === 503 && (answer.body as { error: Problem }).error.code === 'model_not_ready' ? answer : undefined;
  });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect((await send(`${running.url}/health/ready`)).status).toBe(503);
  const { body } = await send(`${running.url}/v1/models`);
  expect(body).toMatchObject({ data: [{ id: 'text', versions: [{ version: '1', state: 'unavailable' }] }] });

  await rename(`${file}.gone`, file);
  await until('a text to be served again', async () => (await embed(running, 'a text')).status === 200 || undefined);
  expect((await send(`${running.url}/health/ready`)).status).toBe(200);
});
