// Redis hangs: once the breaker is open, misses take as long as they do where there is no Redis at all.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { nth } from '../cycle.ts';
import { installRedis } from '../install.ts';
import { closedLoop, forSeconds } from '../load/closed.ts';
import { get, postJson, type Answer } from '../load/http.ts';
import { percentile } from '../report/statistics.ts';
import { freePort, startServer } from '../server-process.ts';
import { remembering } from '../servers.ts';
import { embeddingBody } from '../texts.ts';
import type { Scenario } from './scenario.ts';

const CLIENTS = 8;
const WINDOWS = 5;
/** Of each server, so that all windows together take five times as long as one measurement of another scenario. */
const WINDOW_PART = 0.5;
const OPENS_WITHIN_SECONDS = 30;

interface Side {
  readonly url: string;
  readonly send: () => Promise<Answer>;
  readonly p50: number[];
  readonly p99: number[];
}

export const outage: Scenario = {
  name: 'outage',
  title: 'Redis hangs',
  environment: { CACHE: 'on' },
  async run({ url, texts, seconds }) {
    const redis = await startRedis();
    try {
      const server = await startServer(remembering, 'outage-redis', { REDIS_URL: redis.url });
      try {
        const [without, hanging] = [side(url, texts), side(server.url, texts)];
        for (const { send } of [without, hanging]) await closedLoop(CLIENTS, send, forSeconds(2));
        if ((await redisState(server.url)) !== 'up') throw new Error('Nestor does not use the Redis that it was given');
        redis.hang();
        await untilOpen(hanging);
        for (let index = 0; index < WINDOWS; index++) {
          const pair = index % 2 === 0 ? [without, hanging] : [hanging, without];
          for (const { send, p50, p99 } of pair) {
            const latencies = await closedLoop(CLIENTS, send, forSeconds(seconds * WINDOW_PART));
            p50.push(percentile(latencies, 50));
            p99.push(percentile(latencies, 99));
          }
        }
        if ((await redisState(server.url)) !== 'down') throw new Error('The breaker closed while Redis was stopped');
        const median = (values: readonly number[]): number => percentile(values, 50);
        return {
          bars: [{ promise: 'misses: p99 x that without Redis', value: median(hanging.p99) / median(without.p99), atMost: 1.2 }],
          figures: {
            withoutP50Ms: median(without.p50),
            hangingP50Ms: median(hanging.p50),
            p50Ratio: median(hanging.p50) / median(without.p50),
            withoutP99Ms: median(without.p99),
            hangingP99Ms: median(hanging.p99),
          },
        };
      } finally {
        await server.stop();
      }
    } finally {
      redis.stop();
    }
  },
};

/** Both are sent the same texts in the same order, and none twice: when they are used up, they go on with a number behind. */
function side(url: string, texts: readonly string[]): Side {
  let next = 0;
  const send = (): Promise<Answer> => {
    const lap = Math.floor(next / texts.length);
    const text = nth(texts, next++);
    return postJson(`${url}/v1/embeddings`, embeddingBody(lap === 0 ? text : `${text} ${lap}`));
  };
  return { url, send, p50: [], p99: [] };
}

async function untilOpen({ url, send }: Side): Promise<void> {
  const goOn = forSeconds(OPENS_WITHIN_SECONDS);
  while ((await redisState(url)) !== 'down') {
    if (!goOn()) throw new Error('The breaker did not open');
    await closedLoop(CLIENTS, send, forSeconds(0.5));
  }
}

async function redisState(url: string): Promise<string | undefined> {
  const health = JSON.parse((await get(`${url}/health`)).body.toString()) as { details: { cache: { redis?: string } } };
  return health.details.cache.redis;
}

async function startRedis(): Promise<{ url: string; hang: () => void; stop: () => void }> {
  const missing = installRedis(false);
  if (missing) throw new Error(missing);
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()];
  const child = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'ignore'] });
  const stop = (): void => {
    child.kill('SIGKILL');
    process.off('exit', stop);
  };
  process.once('exit', stop);
  await once(child, 'spawn');
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Ready to accept connections')) break;
  // What it says from now on must not fill the pipe.
  child.stdout.resume();
  return { url: `redis://127.0.0.1:${port}`, hang: () => child.kill('SIGSTOP'), stop };
}
