// The delay of the event loop: every observation of Node's is counted once, whoever reads and how often.
import { describe, expect, it } from '@jest/globals';
import { createHistogram } from 'node:perf_hooks';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { drain, watchEventLoop } from './event-loop.js';
import { Histogram } from './histogram.js';

const MS = 1_000_000;

function setUp() {
  const registry = new Registry();
  return new Histogram<never>({
    name: 'delay_seconds',
    help: 'Delay.',
    labelNames: [],
    buckets: [0.001, 0.01, 0.1, 1],
    registers: [registry],
  });
}

const total = ({ counts }: { counts: Float64Array }): number => counts.reduce((sum, count) => sum + count, 0);

describe('drain', () => {
  it('puts each delay into the bucket of its length, without the interval of the monitor', () => {
    const delay = setUp();
    const monitor = createHistogram();
    for (const ms of [20, 20, 20, 25, 70, 520]) monitor.record(ms * MS);
    drain(monitor, delay);
    expect([...delay.labels().counts]).toEqual([3, 1, 1, 1, 0]);
    expect(monitor.count).toBe(0);
  });

  it('loses none and counts none twice', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 200 })), (rounds) => {
        const delay = setUp();
        const monitor = createHistogram();
        for (const round of rounds) {
          for (const ms of round) monitor.record(ms * MS);
          drain(monitor, delay);
        }
        expect(total(delay.labels())).toBe(rounds.flat().length);
      }),
      { numRuns: 50 },
    );
  });
});

it('sees a loop that was held up', async () => {
  const delay = setUp();
  watchEventLoop(delay);
  const turn = () => new Promise((resolve) => setTimeout(resolve, 45));
  await turn();
  const end = performance.now() + 150;
  while (performance.now() < end);
  await turn();
  await delay.get();
  expect((delay.labels().counts[3] ?? 0) + (delay.labels().counts[4] ?? 0)).toBeGreaterThan(0);
});
