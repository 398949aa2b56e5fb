// Takes the instruments out of a server that is about to start: what they cost is the difference.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from '../paths.ts';

const built = (file: string): Promise<unknown> => import(join(ROOT, 'dist', 'telemetry', file));
const { Series } = (await built('histogram.js')) as typeof import('../../src/telemetry/histogram.ts');
Series.prototype.observe = () => undefined;

// Before @willsoto/nestjs-prometheus asks for them: figures of the process, of garbage collection, of the event loop.
const prometheus = createRequire(import.meta.url)('prom-client') as typeof import('prom-client');
Object.assign(prometheus, { collectDefaultMetrics: () => undefined });
