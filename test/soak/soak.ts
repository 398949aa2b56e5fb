// `npm run soak`: everything at once against the built server for SOAK_SECONDS, and a look at what is left of it.
import { setTimeout as sleep } from 'node:timers/promises';
import { get, post } from './client.ts';
import { keepBusy } from './clients.ts';
import { slope, watch, type Sample } from './memory.ts';
import { seeded } from './random.ts';
import { Server } from './server.ts';
import { Tally } from './tally.ts';
import { errand } from './traffic.ts';
import { DIGITS, EMBEDDINGS, embeddingBody, embeds, learnTruth, type Truth } from './truth.ts';

const SECONDS = Number(process.env.SOAK_SECONDS ?? 180);
const SEED = Number(process.env.SOAK_SEED ?? 1);
const WORKER_DIES_EVERY_MS = 4000;
/**
 * Share of the time in which threads die. What a dead one leaves in its malloc arena is taken up by those that follow; arenas fill
 * for minutes (21 MiB a death, until about 1.7 GiB), so that memory is judged by what follows.
 */
const DEADLY = 2 / 3;
/** Worker threads are back within their slowest wait. */
const RECOVERY_MS = 45_000;
/** Memory may swing; at peace it may not climb by more than this share of itself. A short soak ends before it has warmed up. */
const MOST_GROWTH = SECONDS < 60 ? 0.3 : 0.1;

async function storm(server: Server, truth: Truth, tally: Tally): Promise<Sample[]> {
  const end = performance.now() + SECONDS * 1000;
  const memory: Sample[] = [];
  const unwatch = watch(server, memory);
  const deaths = setInterval(() => {
    if (performance.now() < end - (1 - DEADLY) * SECONDS * 1000) server.poke();
  }, WORKER_DIES_EVERY_MS);
  await keepBusy(server, end, SEED, (random) => errand(random, truth), tally);
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

/** Every thread of every model is alive: terminus calls a part of them degraded. */
async function isReady(server: Server): Promise<boolean> {
  const { status, body } = await get(`${server.url}/health/ready`);
  return status === 200 && !body.includes('degraded');
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
  expect(await eventually(async () => (await metric(server, 'nestor_queue_items')) === 0, 5000), 'the queues are not empty');
  expect(await eventually(() => isReady(server), RECOVERY_MS), 'not every worker thread came back');
  const deaths = await metric(server, 'nestor_worker_restarts_total');
  expect(deaths > 0, 'no worker thread died: the soak proves less than it says');
  let served = 0;
  for (const route of [EMBEDDINGS, DIGITS.replace('digits', ':model')]) {
    served += await metric(server, 'nestor_request_duration_seconds_count', `route="${route}"`);
  }
  expect(
    served >= tally.answered && served <= tally.sent + truth.texts.length + 1,
    `the server counts ${served} requests of ${tally.sent}`,
  );
  expect(await answersRight(server, truth), 'it answers wrongly now');
  const peace = memory.filter(({ seconds }) => seconds > DEADLY * SECONDS);
  const growth = (slope(peace) * (1 - DEADLY) * SECONDS) / 60;
  const [first, last] = [memory[0]?.mib ?? NaN, memory.at(-1)?.mib ?? NaN];
  process.stdout.write(
    `memory     ${first.toFixed(0)} MiB at first, ${last.toFixed(0)} at last, ${slope(peace).toFixed(1)} MiB/min at peace\n`,
  );
  expect(growth < MOST_GROWTH * last, `memory grew by ${growth.toFixed(0)} MiB at peace`);
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
