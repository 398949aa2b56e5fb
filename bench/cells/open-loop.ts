// Embeddings that arrive at random at 70 % of what the best FastAPI form can do.
import type { Cell, Context, Figures } from '../cell.ts';
import { nth } from '../cycle.ts';
import { postJson } from '../load/http.ts';
import { poisson } from '../load/poisson.ts';
import { percentile } from '../report/statistics.ts';
import type { RunningServer } from '../server-process.ts';

const SHARE = 0.7;
const CAPACITY_CELL = 'embed-32';
/** Than the turns of closed loops: it begins with empty queues, and the long waits are made by arrivals that come close together. */
const LONGER = 3;

export const openLoop: Cell = {
  name: 'embed-open',
  title: `Embeddings, Poisson arrivals at ${SHARE * 100} % of the best FastAPI form's capacity`,
  stage: 2,
  ofCeiling: false,
  warmUp: async (target, context) => {
    await load(target, context, context.options.warmupSeconds, context.offset + context.bodies.embed.length / 2);
  },
  run: (target, context) => load(target, context, LONGER * context.options.seconds, context.offset),
};

async function load({ url, server }: RunningServer, { bodies, turn, results }: Context, seconds: number, from: number): Promise<Figures> {
  const best = results.bestFastapi(CAPACITY_CELL);
  if (best === undefined) throw new Error(`no FastAPI form was measured in ${CAPACITY_CELL}`);
  const rate = SHARE * results.median(best, CAPACITY_CELL, 'requestsPerSecond');
  if (results.median(server.name, CAPACITY_CELL, 'requestsPerSecond') < rate) {
    throw new Error(`${rate.toFixed(0)} arrivals per second are more than its capacity`);
  }
  const send = (index: number) => postJson(`${url}/v1/embeddings`, nth(bodies.embed, from + index));
  const arrivals = await poisson({ send, rate, seconds, seed: turn });
  const latencies = arrivals.filter(({ status }) => status === 200).map(({ ms }) => ms);
  return {
    requestsPerSecond: latencies.length / seconds,
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
    errors: arrivals.length - latencies.length,
  };
}
