// The series of a model version are there as long as somebody reports for it.
import { expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { Metrics } from './metrics.js';
import { ModelMetrics } from './model-metrics.js';

const metrics = new Metrics(new Registry());
const printed = async (): Promise<string[]> => (await metrics.registry.metrics()).split('\n').filter((line) => line.includes('model="m"'));

it('a version that is loaded again before the old one has ended is counted on', async () => {
  const old = new ModelMetrics(metrics, 'm', '1');
  old.coalesced(1);
  const fresh = new ModelMetrics(metrics, 'm', '1');
  old.close();
  fresh.coalesced(2);
  expect(await printed()).toContain('nestor_coalesced_total{model="m",version="1"} 3');
  fresh.close();
  expect(await printed()).toEqual([]);
});

it('nothing is left of a version that could not be loaded', async () => {
  const failed = new ModelMetrics(metrics, 'm', '2');
  failed.memory(1, 1);
  // Somebody looks while it is tried.
  expect(await printed()).not.toEqual([]);
  failed.close();
  expect(await printed()).toEqual([]);
});
