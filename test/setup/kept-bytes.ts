// Memory of a server that was started with `COLLECTS`, once its garbage is collected.
import { join } from 'node:path';
import { FIXTURES } from './paths.js';
import type { Server } from './server.js';
import { until } from './until.js';

/** Options of Node with which a server collects its garbage when it is asked to. */
export const COLLECTS = ['--expose-gc', '--import', join(FIXTURES, 'preload/collect-garbage.mjs')];

/** @returns bytes; 0 on systems without /proc, where there is nothing to compare. */
export async function keptBytes(server: Server): Promise<number> {
  if (process.platform !== 'linux') return 0;
  const before = server.output.length;
  server.signal('SIGUSR2');
  await until('the garbage to be collected', () => server.output.slice(before).includes('garbage collected') || undefined);
  return server.residentBytes;
}
