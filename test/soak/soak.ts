// `npm run soak`: everything at once against the built server for SOAK_SECONDS, and a look at what is left of it.
import { setTimeout as sleep } from 'node:timers/promises';
import { get, post } from './client.ts';
import { secondHalf, slope, type Sample } from './memory.ts';
import { seeded } from './random.ts';
import { Server } from './server.ts';
import { Tally } from './tally.ts';
import { errand } from './traffic.ts';
import { DIGITS, EMBEDDINGS, embeddingBody, embeds, learnTruth, type Truth } from './truth.ts';

const SECONDS = Number(process.env.SOAK_SECONDS ?? 180);
const SEED = Number(process.env.SOAK_SEED ?? 1);
const CLIENTS = 48;
const WORKER_DIES_EVERY_MS = 4000;
/** Worker threads are back within their slowest wait. */
const RECOVERY_MS = 45_000;
/** Memory may swing; it may not climb by more than this share of itself over the second half. */
const MOST_GROWTH = 0.1;

/** Notes the memory of the server every half second until it is told to stop. */
function watch(server: Server, samples: Sample[]): () => void {
  const began = performance.now();
  const timer = setInterval(() => {
    samples.push({ seconds: (performance.now() - began) / 1000, mib: server.residentMiB });
  }, 500);
  return () => {
    clearInterval(timer);
  };
}

async function storm(server: Server, truth: Truth, tally: Tally): Promise<Sample[]> {
  const end = performance.now() + SECONDS * 1000;
  const memory: Sample[] = [];
  const unwatch = watch(server, memory);
  const deaths = setInterval(() => {
    server.killWorker();
  }, WORKER_DIES_EVERY_MS);
  const client = async (number: number): Promise<void> => {
    const random = seeded(SEED * 1000 + number);
    while (performance.now() < end && server.alive) {
      const { name, shipment, fault } = errand(random, truth);
      tally.sent += 1;
      const ending = await post(server.url, shipment);
      tally.note(name, ending, fault(ending));
      if (ending.kind === 'answer' && [429, 503].includes(ending.status)) await sleep(20);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  unwatch();
  clearInterval(deaths);
  return memory;
}

/** The sums of the samples of a metric whose labels hold a text. */
async function metric(server: Server, name: string, label = ''): Promise<number> {
  const { body } = await get(`${server.url}/metrics`);
  const lines = body.split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes(label));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Asks until the answer is yes or time is up. */
async function eventually(ask: () => Promise<boolean>, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    if (await ask()) return true;
    await sleep(100);
  }
  return false;
}

async function answersRight(server: Server, truth: Truth): Promise<boolean> {
  const checks = truth.texts.slice(0, 32).map(async (text, number) => {
    const ending = await post(server.url, { path: EMBEDDINGS, body: embeddingBody([text]) });
    return ending.kind === 'answer' && ending.status === 200 && embeds(ending.body, truth, [number]);
  });
  return (await Promise.all(checks)).every(Boolean);
}

/** Everything that must hold at the end, by what it says of a server for which it does not. */
async function aftermath(server: Server, truth: Truth, tally: Tally, memory: readonly Sample[]): Promise<string[]> {
  const faults: string[] = [];
  const expect = (holds: boolean, fault: string): void => {
    if (!holds) faults.push(fault);
  };
  expect(tally.sent === tally.answered + tally.hungUp, `${tally.sent} requests had ${tally.answered + tally.hungUp} endings`);
  const idle = await eventually(async () => (await metric(server, 'nestor_queue_items')) === 0, 5000);
  expect(idle, 'the queues are not empty');
  const recovered = await eventually(async () => (await get(`${server.url}/health/ready`)).body.includes('"up"'), RECOVERY_MS);
  expect(recovered, 'not every worker thread came back');
  expect((await metric(server, 'nestor_worker_restarts_total')) > 0, 'no worker thread died: the soak proves less than it says');
  let served = 0;
  for (const route of [EMBEDDINGS, DIGITS.replace('digits', ':model')]) {
    served += await metric(server, 'nestor_request_duration_seconds_count', `route="${route}"`);
  }
  expect(
    served >= tally.answered && served <= tally.sent + truth.texts.length + 1,
    `the server counts ${served} requests of ${tally.sent}`,
  );
  expect(await answersRight(server, truth), 'it answers wrongly now');
  const half = secondHalf(memory);
  const growth = (slope(half) * SECONDS) / 2 / 60;
  const [first = { mib: NaN }, last = { mib: NaN }] = [half[0], half.at(-1)];
  process.stdout.write(
    `memory     ${first.mib.toFixed(0)} MiB halfway, ${last.mib.toFixed(0)} at the end, ${slope(half).toFixed(1)} MiB/min\n`,
  );
  expect(growth < MOST_GROWTH * last.mib, `memory grew by ${growth.toFixed(0)} MiB over the second half`);
  return faults;
}

const server = await Server.start();
const truth = await learnTruth(server.url, seeded(SEED));
const tally = new Tally();
process.stdout.write(`soaking ${server.url} for ${SECONDS} s, seed ${SEED}\n`);
const memory = await storm(server, truth, tally);
process.stdout.write(`${tally.table()}\n`);
const faults = [...tally.faults];
if (server.alive) faults.push(...(await aftermath(server, truth, tally, memory)));
else faults.push('the server died');
const code = await server.stop();
if (code !== 0) faults.push(`the server ended with ${code} on SIGTERM`);
process.stdout.write(faults.length === 0 ? 'all is well\n' : `${faults.length} faults\n${faults.slice(0, 20).join('\n')}\n`);
process.exit(faults.length === 0 ? 0 : 1);
