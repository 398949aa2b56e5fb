// How late the event loop is, as Node measures it, into a histogram that Prometheus can add up.
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import type { Histogram } from './histogram.js';

const RESOLUTION_MS = 20;

/** Watches until the process ends; what was seen moves into the histogram when that is read. */
export function watchEventLoop(delay: Histogram<never>): void {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();
  delay.collect = () => {
    drain(monitor, delay);
  };
}

/** Node keeps quantiles, ever closer to the end; the differences of their ranks are counts. What it notes includes its own interval. */
export function drain(monitor: Pick<IntervalHistogram, 'percentiles' | 'count' | 'reset'>, delay: Histogram<never>): void {
  const series = delay.labels();
  let seen = 0;
  for (const [percent, nanoseconds] of monitor.percentiles) {
    const rank = Math.round((percent / 100) * monitor.count);
    if (rank > seen) series.add(Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000), rank - seen);
    seen = Math.max(seen, rank);
  }
  monitor.reset();
}
