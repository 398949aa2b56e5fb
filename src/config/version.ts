// The version of Nestor, that of its package: the same however the process is started.
import { createRequire } from 'node:module';

export const { version: VERSION } = createRequire(import.meta.url)('../../package.json') as { version: string };
