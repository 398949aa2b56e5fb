// Model repositories made for one test: the shipped models and fixtures under other names, with manifests of their own.
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FIXTURES, MODELS } from './paths.js';

/** The line of a manifest by which a model has so many worker threads, whatever the cores of the machine. */
export const withWorkers = (count: number): string => `runtime: { instances: ${count}, wide: false }\n`;
export const ONE_WORKER = withWorkers(1);

const made: string[] = [];

export const shipped = (name: string): string => join(MODELS, name);
export const fixture = (name: string): string => join(FIXTURES, 'models', name);

/** A repository of these folders. */
export function copied(models: Record<string, string>): Promise<string> {
  return written(Object.fromEntries(Object.entries(models).map(([name, from]) => [name, { from }])));
}

/** Contents by path: `{ from }` for a copy of another file or folder, `{ link }` for a symbolic link, which the server follows within the repository only. */
export type Files = Readonly<Record<string, string | Uint8Array | { readonly from: string } | { readonly link: string }>>;

/** A repository of files. */
export async function written(files: Files): Promise<string> {
  const root = await folder();
  for (const [path, content] of Object.entries(files)) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    if (typeof content === 'string' || content instanceof Uint8Array) await writeFile(target, content);
    else if ('link' in content) await symlink(content.link, target);
    else await cp(content.from, target, { recursive: true });
  }
  return root;
}

/** Shipped models with so many workers each, whatever the cores of the machine: fewer than a test has clients. */
export async function limited(models: readonly string[], workers: number): Promise<string> {
  const files: Record<string, Files[string]> = {};
  for (const name of models) {
    const manifest = await readFile(join(shipped(name), 'model.yaml'), 'utf8').catch(() => '');
    files[`${name}/1`] = { from: join(shipped(name), '1') };
    files[`${name}/model.yaml`] = `${manifest}\n${withWorkers(workers)}`;
  }
  return written(files);
}

/** Removes what this file made; for `afterAll`. */
export async function removeRepositories(): Promise<void> {
  await Promise.all(made.splice(0).map((path) => rm(path, { recursive: true, force: true })));
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'nestor-test-'));
  made.push(path);
  return path;
}
