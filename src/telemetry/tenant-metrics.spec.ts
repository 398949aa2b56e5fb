// What is told of quotas.
import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { Metrics } from './metrics.js';
import { TenantMetrics } from './tenant-metrics.js';

describe('nestor_quotas_shared', () => {
  it('is there only where quotas are counted with others: 0 says that they are not now', async () => {
    const registry = new Registry();
    const metrics = new Metrics(registry);
    const series = async (): Promise<string[]> =>
      (await registry.metrics()).split('\n').filter((line) => line.startsWith('nestor_quotas_shared'));
    expect(await series()).toEqual([]);
    let shared = true;
    new TenantMetrics(metrics).watchQuotas(() => shared);
    expect(await series()).toEqual(['nestor_quotas_shared 1']);
    shared = false;
    expect(await series()).toEqual(['nestor_quotas_shared 0']);
  });
});
