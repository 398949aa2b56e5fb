// SIGTERM under load: what was accepted is answered, and the process ends in time.
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { post, send, type Answer } from '../setup/client.js';
import { begun, postAlone, type Fate } from '../setup/connection.js';
import { MINILM, sentences } from '../setup/fixtures.js';
import { metric } from '../setup/metrics.js';
import { FIXTURES } from '../setup/paths.js';
import { copied, limited, removeRepositories, shipped, written } from '../setup/repository.js';
import { Server, type Ending } from '../setup/server.js';
import { until } from '../setup/until.js';

const CLIENTS = 16;
/** More requests than a client can send before the server is gone; ends the loop of a test that goes wrong. */
const MOST_REQUESTS = 5_000;
const COUNTING = ['--import', join(FIXTURES, 'preload/count-accepted.mjs')];
const texts = sentences().map(({ text }) => text);

let repository: string;
let server: Server | undefined;
beforeAll(async () => {
  repository = await limited([MINILM], 2);
});
afterEach(() => server?.stop());
afterAll(removeRepositories);

async function start(env: NodeJS.ProcessEnv = {}): Promise<{ running: Server; embeddings: string }> {
  server = await Server.start({ MODEL_REPOSITORY: repository, CACHE: 'off', ...env }, COUNTING);
  return { running: server, embeddings: `${server.url}/v1/embeddings` };
}

const toQueue = (running: Server): Promise<number> =>
  until('requests to queue', async () => {
    const waiting = await metric(running, 'nestor_queue_items');
    return waiting >= CLIENTS / 2 ? waiting : undefined;
  });

/**
 * Every request that the process took was answered to its end. What still stood in the system's queue of connections when the
 * listener closed is reset by the system: for the client that is a refusal, and the process never had it.
 */
function expectNothingLost({ code, output }: Ending, answered: number): void {
  // The last lines of the log, which are written in blocks, may come behind it.
  expect([code, /^accepted .*$/m.exec(output)?.[0]]).toEqual([0, `accepted ${answered}, unheard 0`]);
}

it('answers what it accepted and exits with 0', async () => {
  const { running, embeddings } = await start();
  const fates: Fate[] = [];
  const client = async (_: unknown, first: number): Promise<void> => {
    for (let index = first; index < MOST_REQUESTS && !fates.some(({ kind }) => kind === 'refused'); index += CLIENTS) {
      fates.push(await postAlone(embeddings, { model: MINILM, input: texts[index % texts.length] }));
    }
  };
  const load = Array.from({ length: CLIENTS }, client);
  const large = postAlone(embeddings, { model: MINILM, input: texts });
  await toQueue(running);
  running.signal('SIGTERM');
  const ending = await running.ended();
  await Promise.all(load);

  const answers = [await large, ...fates].filter((fate) => fate.kind === 'answered');
  expectNothingLost(ending, answers.length);
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  const vectors = answers.map(({ text }) => (JSON.parse(text) as { data: unknown[] }).data.length);
  expect(vectors).toEqual([texts.length, ...vectors.slice(1).map(() => 1)]);
  expect(fates.filter(({ kind }) => kind === 'refused').length).toBeGreaterThan(0);
});

it('serves on for DRAIN_SECONDS while readiness says no, and sends clients off their kept connections', async () => {
  const { running, embeddings } = await start({ DRAIN_SECONDS: '1' });
  const answers: Answer[] = [];
  const client = async (_: unknown, first: number): Promise<void> => {
    for (let index = first; index < MOST_REQUESTS; index += CLIENTS) {
      try {
        answers.push(await post(embeddings, { model: MINILM, input: texts[index % texts.length] }));
      } catch {
        return;
      }
    }
  };
  const load = Array.from({ length: CLIENTS }, client);
  await toQueue(running);
  const before = answers.length;
  running.signal('SIGTERM');
  const ready = await until('readiness to say no', async () => {
    const answer = await send(`${running.url}/health/ready`);
    return answer.status === 200 ? undefined : answer;
  });
  expect(ready.status).toBe(503);
  expect(ready.headers.get('connection')).toBe('close');
  expect((await send(`${running.url}/health/live`)).status).toBe(200);
  const ending = await running.ended();
  await Promise.all(load);

  expectNothingLost(ending, answers.length);
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  expect(answers.length).toBeGreaterThan(before + CLIENTS);
});

it('does not wait beyond the grace for a client that never finishes its request', async () => {
  const { running, embeddings } = await start({ SHUTDOWN_GRACE_SECONDS: '1' });
  const socket = await begun(embeddings, 1000, '{"model":');
  const { code, output } = await running.stop();
  socket.destroy();
  expect([code, /terminate called.*/.exec(output)]).toEqual([1, null]);
});

it('does not wait beyond the grace for work that takes longer, and still exits in order', async () => {
  const { running, embeddings } = await start({ SHUTDOWN_GRACE_SECONDS: '1' });
  const long = Array.from({ length: 2000 }, (_, index) => `${texts.slice(12, 20).join(' ')} ${index}`);
  const fate = postAlone(embeddings, { model: MINILM, input: long });
  await toQueue(running);
  const { code, output } = await running.stop();
  expect([code, /terminate called.*/.exec(output)]).toEqual([1, null]);
  expect((await fate).kind).not.toBe('refused');
});

it('leaves at once on SIGINT when there is nothing to do, kept connections or not', async () => {
  const { running, embeddings } = await start({ SHUTDOWN_GRACE_SECONDS: '600' });
  expect((await post(embeddings, { model: MINILM, input: 'a' })).status).toBe(200);
  running.signal('SIGINT');
  expect((await running.ended()).code).toBe(0);
});

it('does not wait for a connection on which nothing was ever said', async () => {
  const { running, embeddings } = await start({ SHUTDOWN_GRACE_SECONDS: '600' });
  const socket = connect(Number(new URL(embeddings).port), '127.0.0.1');
  await once(socket, 'connect');
  const { code } = await running.stop();
  socket.destroy();
  expect(code).toBe(0);
});

it('answers what is asked first on a connection that was there before the listener closed', async () => {
  const { running, embeddings } = await start();
  const { hostname, port, pathname } = new URL(embeddings);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  await once(socket, 'connect');
  let answer = '';
  socket.on('data', (text: string) => (answer += text)).on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  // It came later: once it is answered, the silent one was accepted.
  await postAlone(embeddings, { model: MINILM, input: texts[0] });
  running.signal('SIGTERM');
  await until('the listener to close', async () => (await postAlone(embeddings, {})).kind === 'refused' || undefined);
  const body = JSON.stringify({ model: MINILM, input: 'late' });
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect((await running.ended()).code).toBe(0);
});

// The moment is found by the memory that the model takes, which only Linux tells.
(process.platform === 'linux' ? it : it.skip)('leaves in order when it is told to while it still loads models', async () => {
  const MODEL_REPOSITORY = await copied({ a: shipped('digits'), b: shipped(MINILM) });
  const running = Server.launch({ MODEL_REPOSITORY, CACHE_DIR: await written({}) });
  server = running;
  await until('the first model to be loaded', () => running.output.includes('a/1 serves') || undefined);
  const before = running.residentBytes;
  await until('the second to be half loaded', () => running.residentBytes > before + 40_000_000 || undefined);
  const { code, output } = await running.stop();
  expect([code, /terminate called.*/.exec(output)]).toEqual([0, null]);
});
