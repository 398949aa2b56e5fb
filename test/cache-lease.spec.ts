// Two processes on one Redis, asked the same at one time: one computes, and none waits in vain.
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ask, askMany } from './setup/asking.js';
import { DelayProxy } from './setup/delay-proxy.js';
import { metric } from './setup/metrics.js';
import { Redis, redisIsThere } from './setup/redis.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

const there = await redisIsThere();

const repository = await copied({ digits: shipped('digits') });
const servers: Server[] = [];
afterAll(removeRepositories);

async function serve(url: string, environment: NodeJS.ProcessEnv = {}): Promise<Server> {
  const server = await Server.start({ MODEL_REPOSITORY: repository, REDIS_URL: url, ...environment });
  servers.push(server);
  return server;
}

/** Rows that ran in all of them, since they started. */
async function rows(...asked: Server[]): Promise<number> {
  const counts = await Promise.all(asked.map((server) => metric(server, 'nestor_batch_items_sum', { model: 'digits' })));
  return counts.reduce((sum, count) => sum + count, 0);
}

(there ? describe : describe.skip)('a lease in Redis', () => {
  let redis: Redis;
  const leases = (): Promise<string[]> => redis.client((client) => client.keys('nestor:*:lease'));
  beforeEach(async () => {
    redis = await Redis.start();
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    await redis.remove();
  });

  it('lets one process of two compute what both are asked at once', async () => {
    const patient = { CACHE_LEASE_MS: '10000', CACHE_TIMEOUT_MS: '5000' };
    const [one, two] = [await serve(redis.url, patient), await serve(redis.url, patient)];
    for (const [index, server] of [one, two].entries()) {
      await ask(server, 1000 + index);
      await redis.holds(index + 1);
    }
    const before = await rows(one, two);
    const rounds = 30;
    for (let number = 0; number < rounds; number++) {
      const [mine, theirs] = await Promise.all([ask(one, number), ask(two, number)]);
      expect(mine.text).toBe(theirs.text);
      expect([mine.cache, theirs.cache]).toContain('miss');
    }
    expect((await rows(one, two)) - before).toBe(rounds);
    await until('the leases to be free', async () => ((await leases()).length === 0 ? true : undefined));
  });

  it('of a process that died is free after its time', async () => {
    const proxy = await DelayProxy.to(redis.port);
    try {
      const environment = { CACHE_LEASE_MS: '2000', CACHE_TIMEOUT_MS: '10000' };
      const dying = await serve(`redis://127.0.0.1:${proxy.port}`, environment);
      const other = await serve(redis.url, environment);
      await ask(dying, 1000);
      await redis.holds(1);
      const before = await rows(other);
      // It has the lease before it hears of that.
      proxy.delay = 1000;
      const lost = ask(dying, 1).catch(() => 'lost');
      await until('the lease', async () => ((await leases()).length > 0 ? true : undefined));
      dying.signal('SIGKILL');
      expect(await lost).toBe('lost');
      expect(await leases()).toHaveLength(1);
      expect((await ask(other, 1)).cache).toBe('miss');
      expect((await rows(other)) - before).toBe(1);
    } finally {
      await proxy.close();
    }
  });

  it('of a process that is told to end is free, once the value that it computed is there', async () => {
    const proxy = await DelayProxy.to(redis.port);
    try {
      const leaving = await serve(`redis://127.0.0.1:${proxy.port}`, { CACHE_LEASE_MS: '60000', CACHE_TIMEOUT_MS: '10000' });
      await ask(leaving, 1000);
      await redis.holds(1);
      proxy.delay = 300;
      const asked = ask(leaving, 1);
      await until('the lease', async () => ((await leases()).length > 0 ? true : undefined));
      await leaving.stop();
      expect((await asked).cache).toBe('miss');
      expect(await leases()).toEqual([]);
      await redis.holds(2);
    } finally {
      await proxy.close();
    }
  });

  it('is not waited for where Redis hangs, is full or away', async () => {
    // Whoever waited for a lease would be late for the test.
    const server = await serve(redis.url, { CACHE_LEASE_MS: '60000' });
    await ask(server, 1000);
    await redis.holds(1);
    redis.signal('SIGSTOP');
    await askMany(server, 0, 20);
    redis.signal('SIGCONT');
    await redis.client((client) => client.configSet({ maxmemory: '1', 'maxmemory-policy': 'noeviction' }));
    await askMany(server, 20, 20);
    await redis.stop();
    await askMany(server, 40, 20);
  });
});
