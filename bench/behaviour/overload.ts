// Four times what the server can do: what it accepts stays quick, the rest is refused with a time that holds.
import { setTimeout as sleep } from 'node:timers/promises';
import { nth } from '../cycle.ts';
import { closedLoop, forSeconds } from '../load/closed.ts';
import { postJson, type Answer } from '../load/http.ts';
import { poisson, type Arrival } from '../load/poisson.ts';
import { percentile, spread } from '../report/statistics.ts';
import { embeddingBody } from '../texts.ts';
import type { Course, Outcome, Scenario } from './scenario.ts';

const CLIENTS = 32;
/** Fewer at first: of 32 some would wait for more than 300 ms while everything runs for the first time. */
const WARMING_CLIENTS = 8;
const OVERLOAD = 4;
const RETRIES = 100;
/** In the first the code that refuses is compiled meanwhile, here and in the load generator: it is one of three. */
const ROUNDS = 3;
/**
 * How much longer it is measured at the capacity. There the queue is anything between empty and full, and takes its time: with one of 96 items
 * 10 s had a p99 of 417 to 513 ms, by the seed.
 */
const LONGER = 3;

// What a service sets that would rather refuse than be late: about a third of a second's work, in items or in time.
export const overload = underLimits('overload', 'Four times the capacity, 96 items may wait', { maxItems: 96 });
export const overloadInTime = underLimits('overload-in-time', 'Four times the capacity, items may wait 300 ms', { timeoutMs: 300 });

function underLimits(name: string, title: string, queue: Readonly<Record<string, number>>): Scenario {
  return { name, title, queue, run: measure };
}

async function measure({ url, texts, seconds }: Course): Promise<Outcome> {
  let next = 0;
  const send = (): Promise<Answer> => postJson(`${url}/v1/embeddings`, embeddingBody(nth(texts, next++)));
  await closedLoop(WARMING_CLIENTS, send, forSeconds(2));
  const rounds: Round[] = [];
  for (let seed = 0; seed < ROUNDS; seed++) rounds.push(await measureRound(send, seconds, seed));
  const median = (name: keyof Round): number => percentile(rounds.map((round) => round[name]), 50); // prettier-ignore
  const sum = (name: keyof Round): number => rounds.reduce((total, round) => total + round[name], 0);
  const ratios = spread(rounds.map(({ calmP99Ms, pressedP99Ms }) => pressedP99Ms / calmP99Ms));
  return {
    bars: [
      { promise: 'accepted requests: p99 x that at capacity', value: median('pressedP99Ms') / median('calmP99Ms'), atMost: 1.5 },
      { promise: 'answers other than 200 and 429', value: sum('other'), atMost: 0 },
      { promise: '429 without Retry-After', value: sum('untold'), atMost: 0 },
      { promise: 'retries that succeed when Retry-After is obeyed', value: sum('retried') / ROUNDS, atLeast: 1 },
    ],
    figures: {
      ...Object.fromEntries(Object.keys(rounds[0] ?? {}).map((name) => [name, median(name as keyof Round)])),
      leastRatio: ratios.min,
      greatestRatio: ratios.max,
    },
  };
}

interface Round {
  /** Requests a second. */
  readonly capacity: number;
  /** Of what was accepted at the capacity, and at four times as much. */
  readonly calmP99Ms: number;
  readonly pressedP99Ms: number;
  readonly refusalP99Ms: number;
  readonly acceptedPerSecond: number;
  readonly refusedShare: number;
  /** Answers that are neither. */
  readonly other: number;
  /** Refusals that do not say when to come back. */
  readonly untold: number;
  /** Share of those who come back in time and get in. */
  readonly retried: number;
}

async function measureRound(send: () => Promise<Answer>, seconds: number, seed: number): Promise<Round> {
  // Anew in each round: the machine has its moods.
  const closed = await closedLoop(CLIENTS, send, forSeconds(seconds));
  const capacity = closed.length / seconds;
  const calm = await poisson({ send, rate: capacity, seconds: LONGER * seconds, seed: 2 * seed });
  await sleep(1000);
  const pressed = await poisson({ send, rate: OVERLOAD * capacity, seconds, seed: 2 * seed + 1 });
  const refused = pressed.filter(({ status }) => status === 429);
  const accepted = pressed.filter(({ status }) => status === 200);
  return {
    capacity,
    calmP99Ms: p99(calm.filter(({ status }) => status === 200)),
    pressedP99Ms: p99(accepted),
    refusalP99Ms: p99(refused),
    acceptedPerSecond: accepted.length / seconds,
    refusedShare: refused.length / pressed.length,
    other: pressed.length - accepted.length - refused.length,
    untold: refused.filter(({ retryAfter }) => !retryAfter).length,
    retried: await obey(refused, send),
  };
}

function p99(arrivals: readonly Arrival[]): number {
  return percentile(
    arrivals.map(({ ms }) => ms),
    99,
  );
}

/**
 * The share of the last refused that get in when they come back at the time they were told. The last only: while four
 * times the capacity goes on arriving, no time that a server could name would be right.
 */
async function obey(refused: readonly Arrival[], send: () => Promise<Answer>): Promise<number> {
  const statuses = await Promise.all(
    refused.slice(-RETRIES).map(async ({ answeredAt, retryAfter }) => {
      await sleep(Math.max(0, answeredAt + (retryAfter ?? 0) * 1000 - performance.now()));
      return (await send()).status;
    }),
  );
  return statuses.filter((status) => status === 200).length / statuses.length;
}
