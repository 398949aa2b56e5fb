// Takes what BENCH_SWITCH names out of a server that runs, and puts it back, slice by slice: two processes of one server differ by more than it costs.
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PerformanceObserver, type PerformanceObserverCallback } from 'node:perf_hooks';
import { ROOT } from '../paths.ts';
import { isThere, type Mark } from './slices.ts';

type Part = Record<string, (this: unknown, ...given: unknown[]) => unknown>;
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
const file = process.env.BENCH_SWITCH_FILE;
if (file === undefined) throw new Error('BENCH_SWITCH_FILE says where the marks go');
let slice = -1;
let there = true;
for (const [where, name] of await methods(part)) {
  const original = where?.[name];
  if (!original) throw new Error(`${part ?? 'nothing'}: there is no ${name} to take out`);
  // Asked, not replaced again at each slice: compiled code that counts on a method is thrown away when it changes.
  where[name] = function (...given) {
    return there ? original.apply(this, given) : undefined;
  };
}

let answered = 0;
subscribe('http.server.response.finish', () => {
  answered++;
});
process.on('SIGUSR2', () => {
  const { user, system } = process.cpuUsage();
  const mark: Mark = { ms: performance.now(), cpuMicroseconds: user + system, answered };
  appendFileSync(file, `${JSON.stringify(mark)}\n`);
  there = isThere(++slice);
  if (part !== 'metrics') return;
  for (const observer of observers) {
    if (there) observer.observe({ entryTypes: ['gc'] });
    else observer.disconnect();
  }
});
