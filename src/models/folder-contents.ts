// The files of a folder as they are now: what a model is made of, and whether somebody still writes it.
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { withinRepository } from './repository.js';

export interface ContainedFile {
  /** Relative to the folder. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
  /** When the file or what the system knows of it was changed last, `modified` included, in milliseconds since 1970: nobody can set it. */
  readonly changed: number;
  /** Tells a file from another one of that name, size and date. */
  readonly inode: number;
}

/** Deeper than any export; links can make circles. */
const DEEPEST = 8;

/**
 * All files of a folder of the repository, in the order of their names, links followed. Those whose names begin with a dot are left out: tools and
 * file systems keep them for themselves (.git, .cache, .nfs0001), other ones on each machine, and Kubernetes what its links lead to (..data).
 * @throws Error for links that lead out of the repository, and for what is neither a file nor a folder.
 */
export async function filesOf(repository: string, folder: string): Promise<ContainedFile[]> {
  const found: ContainedFile[] = [];
  const walk = async (path: string, depth: number): Promise<void> => {
    await withinRepository(repository, path);
    if (depth > DEEPEST) throw new Error(`${relative(repository, path)} is nested too deeply`);
    const names = (await readdir(path)).filter((name) => !name.startsWith('.'));
    for (const name of names.sort()) await visit(join(path, name), depth + 1);
  };
  const visit = async (path: string, depth: number): Promise<void> => {
    await withinRepository(repository, path);
    const entry = await stat(path);
    if (entry.isDirectory()) await walk(path, depth);
    // To open a pipe waits for whoever writes to it, for ever perhaps.
    else if (!entry.isFile()) throw new Error(`${relative(repository, path)} is neither a file nor a folder`);
    else
      found.push({
        name: relative(folder, path),
        path,
        bytes: entry.size,
        modified: entry.mtimeMs,
        changed: entry.ctimeMs,
        inode: entry.ino,
      });
  };
  await walk(folder, 0);
  return found;
}

/**
 * Changes whenever a file comes, goes, or is written; nothing is read for it. `changed` is left out, and with it what is written in place and given
 * its old date again: a volume that one more pod mounts has all its files given to the pod's group, which would load everything anew everywhere.
 */
export function fingerprint(files: readonly ContainedFile[], more = ''): string {
  const lines = files.map(({ name, bytes, modified, inode }) => `${name}\0${bytes}\0${modified}\0${inode}\n`);
  return createHash('sha256').update(lines.join('')).update(more).digest('hex');
}
