// Takes what BENCH_WITHOUT names out of a server that is about to start: what it costs is the difference.
import { createRequire } from 'node:module';

const without = new Set((process.env.BENCH_WITHOUT ?? '').split(','));
const require = createRequire(import.meta.url);
const nothing = (): void => undefined;

// Before prom-client and @willsoto/nestjs-prometheus ask for them.
if (without.has('gc')) {
  const path = require.resolve('prom-client/lib/metrics/gc');
  require.cache[path] = { exports: Object.assign(nothing, { metricNames: [] }) } as unknown as NodeJS.Module;
}
if (without.has('defaults')) Object.assign(require('prom-client') as typeof import('prom-client'), { collectDefaultMetrics: nothing });
