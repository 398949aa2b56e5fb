// A copy of the model repository whose embedding model has a shorter queue; the versions are links, no weights are copied.
import { appendFileSync, cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, WORK } from './paths.ts';

const MODEL = 'all-minilm-l6-v2';

export function repositoryWithQueueOf(maxItems: number): string {
  const repository = join(WORK, 'models');
  const folder = join(repository, MODEL);
  const source = join(ROOT, 'models', MODEL);
  rmSync(repository, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const version of readdirSync(source).filter((name) => /^\d+$/.test(name))) symlinkSync(join(source, version), join(folder, version));
  cpSync(join(source, 'model.yaml'), join(folder, 'model.yaml'));
  appendFileSync(join(folder, 'model.yaml'), `queue: { maxItems: ${maxItems} }\n`);
  return repository;
}
