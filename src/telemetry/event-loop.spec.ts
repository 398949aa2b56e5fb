// The delay of the event loop: nothing while it is free, and as long as what held it up.
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { watchEventLoop } from './event-loop.js';
import { Series } from './histogram.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

it('is counted at every look, and only what is beyond the interval', async () => {
  const series = new Series(Float64Array.of(0.001, 0.01, 0.1, 1));
  const end = watchEventLoop(series);
  await jest.advanceTimersByTimeAsync(300);
  expect([...series.counts]).toEqual([3, 0, 0, 0, 0]);
  // Whatever held it up, the timer fires that much later.
  const now = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 600);
  await jest.advanceTimersByTimeAsync(100);
  now.mockRestore();
  expect([...series.counts]).toEqual([3, 0, 0, 1, 0]);
  expect(series.sum).toBeCloseTo(0.5);
  end();
  await jest.advanceTimersByTimeAsync(1000);
  expect(series.counts.reduce((sum, count) => sum + count, 0)).toBe(4);
});
