// What Nestor promises about itself beside the others, as a list of bars that it clears or misses.
import type { Results } from './cell.ts';

export interface Bar {
  readonly promise: string;
  readonly value: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export function clears({ value, atLeast, atMost }: Bar): boolean {
  return value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
}

/** Only those for which both sides were measured. */
export function bars(results: Results): Bar[] {
  const figure = (server: string, cell: string, name: string): number => results.median(server, cell, name);
  const against = (other: string, cell: string, name: string): number => results.ratio('nestor', other, cell, name);
  const best = (cell: string): string => results.bestFastapi(cell) ?? '';
  const rps = 'requestsPerSecond';
  const quickest = results.bestFastapi('embed-1', (form) => -figure(form, 'embed-1', 'p50Ms')) ?? '';
  const all: Bar[] = [
    { promise: '32 clients: of the offline ceiling', value: against('ceiling', 'embed-32', rps), atLeast: 0.92 },
    { promise: '32 clients: x the best FastAPI form', value: against(best('embed-32'), 'embed-32', rps), atLeast: 1.08 },
    { promise: '32 clients: x LitServe with batching', value: against('litserve-batching', 'embed-32', rps), atLeast: 2.5 },
    { promise: '32 clients: x BentoML with batching', value: against('bentoml-batching', 'embed-32', rps), atLeast: 2.5 },
    { promise: '32 clients: p99 x that of the best FastAPI form', value: against(best('embed-32'), 'embed-32', 'p99Ms'), atMost: 1 },
    { promise: '8 clients: x the best FastAPI form', value: against(best('embed-8'), 'embed-8', rps), atLeast: 1 },
    { promise: '1 client: p50 x that of the quickest FastAPI form', value: against(quickest, 'embed-1', 'p50Ms'), atMost: 1.05 },
    { promise: 'digits: x the best FastAPI form', value: against(best('digits-32'), 'digits-32', rps), atLeast: 2 },
    { promise: 'digits: p99 x that of the best FastAPI form', value: against(best('digits-32'), 'digits-32', 'p99Ms'), atMost: 0.5 },
    {
      promise: 'Poisson arrivals: p99 x that of the best FastAPI form',
      value: against(best('embed-32'), 'embed-open', 'p99Ms'),
      atMost: 0.8,
    },
    { promise: '/health/live p99 in ms while 32 clients saturate', value: figure('nestor', 'embed-32', 'healthP99Ms'), atMost: 20 },
  ];
  all.push(
    {
      promise: 'hits: x the throughput of misses at 32 clients',
      value: figure('nestor-cache', 'hit-32', rps) / figure('nestor', 'embed-32', rps),
      atLeast: 10,
    },
    { promise: 'hits: p50 in ms at 32 clients', value: figure('nestor-cache', 'hit-32', 'p50Ms'), atMost: 2 },
    {
      promise: 'hits: CPU of a request x that of FastAPI with a constant answer',
      value: figure('nestor-cache', 'hit-32', 'cpuMicroseconds') / figure('fastapi-constant', 'hit-32', 'cpuMicroseconds'),
      atMost: 1,
    },
  );
  return all.filter((bar) => Number.isFinite(bar.value));
}

export function describeBar(bar: Bar): string {
  const limit = bar.atLeast === undefined ? `at most ${bar.atMost}` : `at least ${bar.atLeast}`;
  return `${clears(bar) ? 'ok    ' : 'MISSED'}  ${bar.promise}: ${bar.value.toFixed(2)} (${limit})`;
}
