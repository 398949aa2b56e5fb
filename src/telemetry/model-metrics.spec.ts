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

it('shows what waits for all of a version, and how fast the one drains that serves, while another is loaded to take over', async () => {
  const old = new ModelMetrics(metrics, 'm', '3');
  old.queueItems(500);
  old.drainRate(1000);
  const fresh = new ModelMetrics(metrics, 'm', '3');
  fresh.queueItems(0);
  // Its warm-up.
  fresh.drainRate(7);
  const gauges = async (): Promise<string[]> => (await printed()).filter((line) => /queue_items|drain_rate/.test(line));
  const of = (rows: number, rate: number): string[] => [
    `nestor_queue_items{model="m",version="3"} ${rows}`,
    `nestor_drain_rate_tokens_per_second{model="m",version="3"} ${rate}`,
  ];
  expect(await gauges()).toEqual(of(500, 1000));
  fresh.queueItems(2);
  expect(await gauges()).toEqual(of(502, 1000));
  old.queueItems(0);
  old.close();
  expect(await gauges()).toEqual(of(2, 7));
  fresh.close();
  expect(await printed()).toEqual([]);
});
