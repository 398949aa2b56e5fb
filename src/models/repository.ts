// The model repository on disk: which models and versions there are, and that nothing leads out of it.
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { NestorError, reasonOf } from '../errors.js';
import { byVersion, isVersion } from './versions.js';

/** A folder that is to be loaded. */
export interface FoundModel {
  readonly name: string;
  readonly path: string;
}

export interface ModelFolder extends FoundModel {
  readonly manifestPath: string;
  /** Oldest first. */
  readonly versions: readonly VersionFolder[];
}

export interface VersionFolder {
  readonly name: string;
  readonly version: string;
  readonly path: string;
}

/** What a look fails with where nothing is. Any other failure, of rights or of a disk in the network, does not say what is there. */
const ABSENT = ['ENOENT', 'ENOTDIR', 'ELOOP'];

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * All folders that hold versions, in the order of their names. One that cannot be read is for its load to say, which keeps no other from being
 * found; so is whether a name can be a model's.
 * @throws Error that names the path when the repository cannot be read.
 */
export async function scan(repository: string): Promise<FoundModel[]> {
  const root = resolve(repository);
  const found: FoundModel[] = [];
  for (const name of await folders(root)) {
    if (await isModel(root, name)) found.push({ name, path: join(root, name) });
  }
  return found;
}

/** Whether that is one of them. @throws Error that names the path when the repository cannot be read: whether it is there, nobody knows. */
export async function holds(repository: string, name: string): Promise<boolean> {
  const root = resolve(repository);
  return (await entries(root)).includes(name) && (await isFolder(join(root, name))) && (await isModel(root, name));
}

/**
 * One model.
 * @throws NestorError INVALID_REQUEST for a name that cannot be a model's, MODEL_NOT_FOUND when there is no such folder with a version.
 */
export async function findModel(repository: string, name: string): Promise<ModelFolder> {
  if (!NAME.test(name)) {
    const message = "A model's name has letters, digits, '.', '_' and '-' only, and starts with a letter or digit";
    throw new NestorError('INVALID_REQUEST', message, { field: 'model' });
  }
  const folder = (await isFolder(join(resolve(repository), name))) ? await modelFolder(repository, name) : undefined;
  if (folder && folder.versions.length > 0) return folder;
  throw new NestorError(
    'MODEL_NOT_FOUND',
    `The repository has no model ${JSON.stringify(name)}, a folder with a version such as ${name}/1`,
    { field: 'model' },
  );
}

/** @throws Error when a path is a link, or lies behind one, that leads out of the repository. */
export async function withinRepository(repository: string, path: string): Promise<string> {
  const [root, real] = [await realpath(repository), await realpath(path)];
  if (real === root || real.startsWith(root + sep)) return real;
  throw new Error(`${relative(repository, path)} is a symbolic link out of the repository; only what lies in the repository is served`);
}

/** One folder, whether it holds a version or not. @throws Error that names the path when it cannot be read. */
export async function modelFolder(repository: string, name: string): Promise<ModelFolder> {
  const path = join(resolve(repository), name);
  const inside = await folders(path).catch((thrown: unknown) => {
    if (NAME.test(name)) throw thrown;
    // No model can be called so, nor has anybody said that one is: lost+found of a volume, which root alone may read.
    return [];
  });
  const versions = inside.filter(isVersion).sort(byVersion);
  return {
    name,
    path,
    manifestPath: join(path, 'model.yaml'),
    versions: versions.map((version) => ({ name, version, path: join(path, version) })),
  };
}

function isModel(root: string, name: string): Promise<boolean> {
  return modelFolder(root, name).then(({ versions }) => versions.length > 0, () => true); // prettier-ignore
}

async function folders(path: string): Promise<string[]> {
  const names = await entries(path);
  const kinds = await Promise.all(names.map((name) => isFolder(join(path, name))));
  return names.filter((name, index) => kinds[index] && !name.startsWith('.')).sort();
}

function entries(path: string): Promise<string[]> {
  return readdir(path).catch((error: unknown) => {
    throw new Error(`The model repository cannot be read: ${reasonOf(error)}`, { cause: error });
  });
}

/** A link to a folder is one; a link to nothing, or something that has just gone, is none. What cannot be looked at is for its load to say. */
function isFolder(path: string): Promise<boolean> {
  const isThere = (thrown: unknown): boolean => !ABSENT.includes((thrown as NodeJS.ErrnoException).code ?? '');
  return stat(path).then((entry) => entry.isDirectory(), isThere);
}
