// Four times what the server can do: what it accepts stays quick, the rest is refused with a time that holds.
import { setTimeout as sleep } from 'node:timers/promises';
import { nth } from '../cycle.ts';
import { closedLoop, forSeconds } from '../load/closed.ts';
import { postJson, type Answer } from '../load/http.ts';
import { poisson, type Arrival } from '../load/poisson.ts';
import { percentile } from '../report/statistics.ts';
import { embeddingBody } from '../texts.ts';
import type { Scenario } from './scenario.ts';

const CLIENTS = 32;
const OVERLOAD = 4;
const RETRIES = 100;

export const overload: Scenario = {
  name: 'overload',
  title: 'Four times the capacity',
  // A quarter of a second's work: what a service sets that would rather refuse than be late.
  maxQueueItems: 96,
  async run({ url, texts, seconds }) {
    let next = 0;
    const send = (): Promise<Answer> => postJson(`${url}/v1/embeddings`, embeddingBody(nth(texts, next++)));
    await closedLoop(CLIENTS, send, forSeconds(2));
    const closed = await closedLoop(CLIENTS, send, forSeconds(seconds));
    const capacity = closed.length / seconds;

    const atCapacity = await poisson({ send, rate: capacity, seconds, seed: 1 });
    await sleep(1000);
    const over = await poisson({ send, rate: OVERLOAD * capacity, seconds, seed: 2 });
    const retried = await obey(over, send);

    const refused = over.filter(({ status }) => status === 429);
    const other = over.filter(({ status }) => status !== 200 && status !== 429);
    const [calm, pressed] = [p99(atCapacity), p99(over)];
    return {
      bars: [
        { promise: 'accepted requests: p99 x that at capacity', value: pressed / calm, atMost: 1.5 },
        { promise: 'answers other than 200 and 429', value: other.length, atMost: 0 },
        { promise: '429 without Retry-After', value: refused.filter(({ retryAfter }) => !retryAfter).length, atMost: 0 },
        { promise: 'retries that succeed when Retry-After is obeyed', value: retried, atLeast: 1 },
      ],
      figures: {
        capacity,
        closedLoopP99Ms: percentile(closed, 99),
        atCapacityP99Ms: calm,
        overloadP99Ms: pressed,
        refusalP99Ms: percentile(latencies(refused), 99),
        acceptedPerSecond: over.filter(({ status }) => status === 200).length / seconds,
        refusedShare: refused.length / over.length,
      },
    };
  },
};

function latencies(arrivals: readonly Arrival[]): number[] {
  return arrivals.map(({ ms }) => ms);
}

function p99(arrivals: readonly Arrival[]): number {
  return percentile(latencies(arrivals.filter(({ status }) => status === 200)), 99);
}

/**
 * The share of the last refused that get in when they come back at the time they were told. The last only: while four
 * times the capacity goes on arriving, no time that a server could name would be right.
 */
async function obey(arrivals: readonly Arrival[], send: () => Promise<Answer>): Promise<number> {
  const refused = arrivals.filter(({ status }) => status === 429).slice(-RETRIES);
  const statuses = await Promise.all(
    refused.map(async ({ answeredAt, retryAfter }) => {
      await sleep(Math.max(0, answeredAt + (retryAfter ?? 0) * 1000 - performance.now()));
      return (await send()).status;
    }),
  );
  return statuses.filter((status) => status === 200).length / statuses.length;
}
