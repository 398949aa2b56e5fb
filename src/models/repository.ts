// The model repository on disk: which models and versions there are.
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { reasonOf } from '../errors.js';

export interface VersionFolder {
  readonly name: string;
  readonly version: string;
  /** Folder of this version. */
  readonly path: string;
  readonly manifestPath: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const VERSION = /^[0-9]{1,18}$/;

/**
 * All versions of all models, in the order of their names and numbers.
 * @throws Error that names the path when the repository cannot be read, or a folder's name cannot be a model's.
 */
export async function scan(repository: string): Promise<VersionFolder[]> {
  const root = resolve(repository);
  const found: VersionFolder[] = [];
  for (const name of await folders(root)) {
    const versions = (await folders(join(root, name))).filter((folder) => VERSION.test(folder));
    if (versions.length === 0) continue;
    if (!NAME.test(name)) throw new Error(`${join(root, name)}: a model's name has letters, digits, '.', '_' and '-' only`);
    versions.sort(byVersion);
    const manifestPath = join(root, name, 'model.yaml');
    found.push(...versions.map((version) => ({ name, version, path: join(root, name, version), manifestPath })));
  }
  return found;
}

/** Orders versions by number: 2 before 10. */
export function byVersion(a: string, b: string): number {
  return Number(BigInt(a) - BigInt(b));
}

async function folders(path: string): Promise<string[]> {
  const names = await readdir(path).catch((error: unknown) => {
    throw new Error(`The model repository cannot be read: ${reasonOf(error)}`, { cause: error });
  });
  const kinds = await Promise.all(names.map(async (name) => (await stat(join(path, name))).isDirectory()));
  return names.filter((name, index) => kinds[index] && !name.startsWith('.')).sort();
}
