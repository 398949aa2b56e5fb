// Redis is shared by processes, and whatever becomes of it no request fails: down, hanging, flapping, slow, full, holding garbage.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ask, askMany } from './setup/asking.js';
import { send } from './setup/client.js';
import { DelayProxy } from './setup/delay-proxy.js';
import { metric } from './setup/metrics.js';
import { Redis, redisIsThere } from './setup/redis.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

const there = await redisIsThere();
/** How long a request waits for Redis, and what is much longer. A machine that is busy may keep Redis from its answer for a while. */
const PATIENCE_MS = 200;
const SLOW_MS = 3 * PATIENCE_MS;

const repository = await copied({ digits: shipped('digits') });
const servers: Server[] = [];

async function serve(url: string): Promise<Server> {
  const server = await Server.start({ MODEL_REPOSITORY: repository, REDIS_URL: url, CACHE_TIMEOUT_MS: String(PATIENCE_MS) });
  servers.push(server);
  return server;
}

/** What /health says of Redis; the process must be ready whatever it is. */
async function health(server: Server): Promise<string | undefined> {
  const { status, body } = await send(`${server.url}/health`);
  expect(status).toBe(200);
  return (body as { details: { cache: { redis?: string } } }).details.cache.redis;
}

let next = 0;
/** Numbers that were never asked for. */
const fresh = (count: number): number => (next += count) - count;

/** Requests go on until Redis counts as that; every one of them is answered. */
function askUntil(server: Server, state: 'up' | 'down'): Promise<true> {
  return until(`Redis to be ${state}`, async () => {
    await askMany(server, fresh(4), 4);
    return (await health(server)) === state ? true : undefined;
  });
}

(there ? describe : describe.skip)('Redis', () => {
  let redis: Redis;
  /** Lies between Redis and the first process. */
  let proxy: DelayProxy;
  let one: Server;
  let two: Server;
  beforeAll(async () => {
    redis = await Redis.start();
    proxy = await DelayProxy.to(redis.port);
    one = await serve(`redis://127.0.0.1:${proxy.port}`);
    two = await serve(redis.url);
  });
  beforeEach(() => redis.client((client) => client.flushAll()));
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await proxy.close();
    await redis.remove();
    await removeRepositories();
  });

  it('lets a process answer what another computed, in one round trip, and forgets on demand', async () => {
    const first = fresh(1);
    const { text } = await ask(one, first);
    await redis.holds(1);
    expect(await ask(two, first)).toEqual({ cache: 'hit; tier=redis', text });
    const keys = await redis.client((client) => client.keys('*'));
    expect(keys).toEqual([expect.stringMatching(/^nestor:[\w-]{22}:output:[\w-]{43}$/)]);
    expect(await metric(two, 'nestor_cache_requests_total', { tier: 'redis', result: 'hit' })).toBe(1);
  });

  it('may hold garbage: it counts as a miss and is overwritten', async () => {
    const known = [fresh(1), fresh(1), fresh(1)];
    const right = [];
    for (const number of known) right.push((await ask(one, number)).text);
    await redis.holds(3);
    await redis.client(async (client) => {
      const [first = '', second = '', third = ''] = await client.keys('*');
      const moved = (await client.get(first)) ?? '';
      await client.set(first, randomBytes(300));
      await client.set(second, Buffer.from(moved));
      await client.del(third);
      await client.lPush(third, ['not', 'a', 'string']);
    });
    for (const [index, number] of known.entries()) expect(await ask(two, number)).toEqual({ cache: 'miss', text: right[index] });
    expect(await metric(two, 'nestor_cache_garbage_total', { tier: 'redis' })).toBe(2);
    await until('the garbage to be overwritten', async () => {
      const { cache } = await ask(await serve(redis.url), known[0] ?? 0);
      return cache === 'hit; tier=redis' ? true : undefined;
    });
  });

  it('may hang: nobody waits for it, and it is used again when it goes on', async () => {
    await askMany(two, fresh(8), 8);
    redis.signal('SIGSTOP');
    await askUntil(two, 'down');
    await askMany(two, fresh(20), 20);
    redis.signal('SIGCONT');
    await askUntil(two, 'up');
  });

  it('may come and go', async () => {
    for (let round = 0; round < 3; round++) {
      await askMany(two, fresh(10), 10);
      await redis.stop();
      await askMany(two, fresh(10), 10);
      await redis.start();
    }
    await askUntil(two, 'up');
  });

  it('may be slow', async () => {
    await askUntil(one, 'up');
    proxy.delay = SLOW_MS;
    await askUntil(one, 'down');
    proxy.delay = 0;
    await askUntil(one, 'up');
  });

  it('may be full: what it holds is still used', async () => {
    const known = fresh(1);
    await ask(one, known);
    await redis.holds(1);
    await redis.client((client) => client.configSet({ maxmemory: '1', 'maxmemory-policy': 'noeviction' }));
    await askUntil(one, 'down');
    expect((await ask(two, known)).cache).toBe('hit; tier=redis');
    await redis.client((client) => client.configSet('maxmemory', '0'));
    await askUntil(one, 'up');
  });

  it('may be down at boot: requests go on, and it is used once it is there', async () => {
    await redis.stop();
    const server = await serve(redis.url);
    await askUntil(server, 'down');
    await redis.start();
    await askUntil(server, 'up');
    await ask(server, fresh(1));
    await redis.holds(1);
  });
});
