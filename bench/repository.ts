// A copy of the model repository whose embedding model has another queue.
import { appendFileSync, cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, WORK } from './paths.ts';

const MODEL = 'all-minilm-l6-v2';

export function repositoryWithQueue(queue: Readonly<Record<string, number>>): string {
  const repository = join(WORK, 'models');
  const folder = join(repository, MODEL);
  const source = join(ROOT, 'models', MODEL);
  rmSync(repository, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const version of readdirSync(source).filter((name) => /^\d+$/.test(name)))
    cpSync(join(source, version), join(folder, version), { recursive: true });
  cpSync(join(source, 'model.yaml'), join(folder, 'model.yaml'));
  appendFileSync(join(folder, 'model.yaml'), `queue: ${JSON.stringify(queue)}\n`);
  return repository;
}
