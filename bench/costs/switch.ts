// SIGUSR2 takes what BENCH_SWITCH names out of a server that runs, and puts it back: two processes of one server differ by more than it costs.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PerformanceObserver, type PerformanceObserverCallback } from 'node:perf_hooks';
import { ROOT } from '../paths.ts';

type Part = Record<string, (...given: never[]) => unknown>;
const dist = async (file: string): Promise<Record<string, { prototype: Part }>> =>
  (await import(join(ROOT, 'dist/telemetry', file))) as Record<string, { prototype: Part }>;

/** What does the work of a part, by the method of a class. */
async function methods(part: string | undefined): Promise<[Part | undefined, string][]> {
  if (part === 'traces') return [[(await dist('otel-tracer.js')).OtelTracer?.prototype, 'begin']];
  const [histogram, counter] = [await dist('histogram.js'), await dist('counter.js')];
  return [
    [histogram.Series?.prototype, 'observe'],
    [counter.Count?.prototype, 'inc'],
  ];
}

/** prom-client's observers of garbage: the ones that do something between two scrapes. */
const observers: PerformanceObserver[] = [];
const hooks = createRequire(import.meta.url)('node:perf_hooks') as { PerformanceObserver: typeof PerformanceObserver };
hooks.PerformanceObserver = class extends PerformanceObserver {
  constructor(callback: PerformanceObserverCallback) {
    super(callback);
    observers.push(this);
  }
};

const part = process.env.BENCH_SWITCH;
const places = await methods(part);
const originals = places.map(([where, name]) => {
  if (!where?.[name]) throw new Error(`${part ?? 'nothing'}: there is no ${name} to take out`);
  return where[name];
});
let out = false;
process.on('SIGUSR2', () => {
  out = !out;
  for (const [index, [where, name]] of places.entries()) {
    const original = originals[index];
    if (where && original) where[name] = out ? () => undefined : original;
  }
  if (part !== 'metrics') return;
  for (const observer of observers) {
    if (out) observer.disconnect();
    else observer.observe({ entryTypes: ['gc'] });
  }
});
