// The embedding model alone in a repository, and what a server says of its loading.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, WORK } from './paths.ts';
import { nestor } from './servers.ts';

export const MODEL = 'all-minilm-l6-v2';
/** As CACHE_DIR: where nothing can be written the model is loaded as it is. */
export const NOWHERE = '/dev/null/nowhere';

/** A repository below `folder`, with so many instances and no other. */
export function repositoryOf(folder: string, instances: number, memory: string): string {
  const model = join(folder, 'models', MODEL);
  rmSync(model, { recursive: true, force: true });
  cpSync(join(ROOT, 'models', MODEL), model, { recursive: true });
  const manifest = readFileSync(join(model, 'model.yaml'), 'utf8');
  writeFileSync(join(model, 'model.yaml'), `${manifest}\nruntime: { instances: ${instances}, wide: false, memory: ${memory} }\n`);
  return join(folder, 'models');
}

/** Seconds that the model took in a run of the server, by its log. */
export function loadSeconds(run: string): number {
  const log = readFileSync(join(WORK, 'logs', `${nestor.name}-${run}.log`), 'utf8');
  return Number(new RegExp(`${MODEL}/\\d+ serves .* ready after ([\\d.]+) s`).exec(log)?.[1]);
}
