// Two processes on one Redis: a quota is of both together; and Redis may go away.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RedisLedger, type Claim, type Grant } from '../src/tenants/ledger.js';
import { post, type Answer } from './setup/client.js';
import { DelayProxy } from './setup/delay-proxy.js';
import { inParallel } from './setup/load.js';
import { metric } from './setup/metrics.js';
import { Redis, redisIsThere } from './setup/redis.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

const there = await redisIsThere();
const QUOTA = 400;
const repository = await copied({ digits: shipped('digits') });
const file = join(repository, '.tenants.yaml');
await writeFile(
  file,
  `default: { limits: { requests: ${QUOTA}/day } }\ntenants: { items: { limits: { items: ${QUOTA}/day, requests: unlimited } } }\n`,
);
afterAll(removeRepositories);

(there ? describe : describe.skip)('two processes on one Redis', () => {
  let redis: Redis;
  let servers: Server[] = [];
  beforeAll(async () => {
    redis = await Redis.start();
    const environment = {
      MODEL_REPOSITORY: repository,
      TENANT_HEADER: 'X-Tenant',
      TENANTS_FILE: file,
      REDIS_URL: redis.url,
      CACHE: 'off',
      GRPC_API: 'off',
      // A machine that is busy with all the other tests takes its time, and this is not about that.
      CACHE_TIMEOUT_MS: '5000',
    };
    servers = await Promise.all([Server.start(environment), Server.start(environment)]);
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await redis.remove();
  });

  const rows = (count: number): number[][] =>
    Array.from({ length: count }, (_, row) => Array.from({ length: 64 }, (_, i) => (i + row) % 16));
  const ask = (tenant: string, index: number, count = 1): Promise<Answer> =>
    post(`${servers[index % 2]?.url}/v1/models/digits/predict`, { instances: rows(count) }, { 'X-Tenant': tenant });
  /** How many of them count together. */
  const shared = async (): Promise<number> => {
    const all = await Promise.all(servers.map((server) => metric(server, 'nestor_quotas_shared')));
    return all.reduce((sum, one) => sum + one, 0);
  };
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
  const passed = (answers: readonly Answer[]): number => answers.filter(({ status }) => status === 200).length;

  it('hold a quota together within 5 %, in requests and in items', async () => {
    const requests = await inParallel(numbers(QUOTA * 1.5), 8, (index) => ask('requests', index));
    expect(new Set(requests.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(passed(requests)).toBeLessThanOrEqual(QUOTA);
    expect(passed(requests)).toBeGreaterThanOrEqual(QUOTA * 0.95);
    const sizes = numbers(QUOTA / 2).map((index) => 1 + (index % 5));
    const items = await inParallel(sizes, 8, (count, index) => ask('items', index, count));
    const computed = items.reduce((sum, { status }, index) => sum + (status === 200 ? (sizes[index] ?? 0) : 0), 0);
    expect(computed).toBeLessThanOrEqual(QUOTA);
    expect(computed).toBeGreaterThanOrEqual(QUOTA * 0.95);
    expect(await shared()).toBe(2);
  });

  it('do not wait for one that hangs', async () => {
    await inParallel(numbers(8), 8, (index) => ask('patient', index));
    redis.signal('SIGSTOP');
    const answers = await inParallel(numbers(QUOTA * 0.5), 8, (index) => ask('patient', index));
    expect(passed(answers)).toBe(answers.length);
    redis.signal('SIGCONT');
  });

  it('are told of a grant that comes when its time is over', async () => {
    const proxy = await DelayProxy.to(redis.port);
    const ledger = new RedisLedger(`redis://127.0.0.1:${proxy.port}`, 200);
    const claim: Claim = { key: 'late', count: 1000, seconds: 86_400, need: 0, ahead: true };
    const ask = (late: (grant: Grant) => void): Promise<Grant | undefined> => ledger.claim(claim, late).catch(() => undefined);
    const { left } = await until('a grant in time', () => ask(() => undefined));
    proxy.delay = 1000;
    const late = await new Promise<Grant>((tell) => void ask(tell));
    expect(late).toMatchObject({ granted: Math.floor(left / 32), left: left - late.granted });
    await ledger.close();
    await proxy.close();
  });

  it('go on without it when it is killed: nobody is refused for it, each process counts by itself, and they come together again', async () => {
    let killed: Promise<void> | undefined;
    const answers = await inParallel(numbers(QUOTA * 0.75), 8, (index) => {
      if (index === QUOTA * 0.25) killed = redis.stop();
      return ask('survivor', index);
    });
    await killed;
    expect(passed(answers)).toBe(answers.length);
    await until('the metric to say so', async () => ((await shared()) === 0 ? true : undefined));
    // What a process has let through counts: it does not begin at nothing because Redis is gone.
    const more = await inParallel(numbers(QUOTA * 2), 8, (index) => ask('survivor', index));
    expect(passed(answers) + passed(more)).toBe(QUOTA * 2);
    await redis.start();
    await until('them to count together', async () => ((await shared()) === 2 ? true : undefined));
  });

  it('do not let a quota through twice because Redis forgets it', async () => {
    const before = await inParallel(numbers(QUOTA / 2), 8, (index) => ask('forgotten', index));
    await redis.client((client) => client.flushAll());
    const after = await inParallel(numbers(QUOTA), 8, (index) => ask('forgotten', index));
    expect(passed(before) + passed(after)).toBeLessThanOrEqual(QUOTA * 1.05);
    expect(passed(before) + passed(after)).toBeGreaterThanOrEqual(QUOTA * 0.95);
  });

  it('grant from what the process that asks knows to be taken, where that is of this window and more than Redis knows', async () => {
    const ledger = new RedisLedger(redis.url, 5000);
    const claim: Claim = { key: 'known', count: 1000, seconds: 86_400, need: 0, ahead: false };
    const grant = (more: Partial<Claim>): Promise<Grant> => ledger.claim({ ...claim, ...more }, () => undefined);
    try {
      const { window } = await until('Redis to answer', () => grant({}).catch(() => undefined));
      const lefts: number[] = [];
      for (const known of [undefined, { window, used: 600 }, undefined, { window, used: 300 }, { window: window - 1, used: 900 }]) {
        lefts.push((await grant({ need: 10, ...(known && { known }) })).left);
      }
      expect(lefts).toEqual([990, 390, 380, 370, 360]);
      // Those who do not know are told, also by one that is granted nothing.
      expect((await grant({ need: 10, known: { window, used: 2000 } })).granted).toBe(0);
      expect((await grant({ need: 1 })).granted).toBe(0);
    } finally {
      await ledger.close();
    }
  });
});
