// How late the event loop is. Node's own monitor keeps quantiles, which cannot be added up over time and servers; these are counts.
import type { Series } from './histogram.js';

/** A wake of an idle loop takes about 0.1 ms of a slow core, with the sleep that it ends. */
const INTERVAL_MS = 100;

/** Looks ten times a second how much later than that it is. @returns what ends it. */
export function watchEventLoop(series: Series): () => void {
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    series.observe(Math.max(0, now - last - INTERVAL_MS) / 1000);
    last = now;
  }, INTERVAL_MS).unref();
  return () => {
    clearInterval(timer);
  };
}
