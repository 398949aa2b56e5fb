// Preparations in a folder that processes share: whole or not there, marked where they are of no use, and gone when nobody has used them for long.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readIfThere } from './read-if-there.js';
import { isIntact, seal } from './seal.js';

const HOUR_MS = 3_600_000;
/** Whoever serves from one says so every hour: one that is older belongs to a model, or a version of ONNX Runtime, that is gone. */
const UNUSED_MS = 7 * 24 * HOUR_MS;
/** What was being written, or removed, by a process that is dead: no model takes so long. */
const ABANDONED_MS = HOUR_MS;
/** Others' files may lie here too. */
const PREPARATION = /^[0-9a-f]{32}(\.unfit|\.digest)?$/;
/** SHA-256 as hex. */
const DIGEST = /^[0-9a-f]{64}$/;
const ABANDONED = /^[0-9a-f]{32}(\.unfit)?(\.\d+\.[0-9a-f-]{36})+$/;

export class PreparationStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = resolve(root);
  }

  /** Where the preparation of that name is, or would be. */
  folder(key: string): string {
    return join(this.#root, key);
  }

  /**
   * It is there, and whole.
   * @param unread of these files the length alone is looked at.
   */
  has(key: string, unread: readonly string[] = []): Promise<boolean> {
    return isIntact(this.folder(key), unread);
  }

  /**
   * Writes beside the place and renames: whoever looks there sees all of it or nothing, and of two that do it at once the first stays.
   * @param fill writes these files into the folder that it is given.
   */
  async write(key: string, names: readonly string[], fill: (draft: string) => Promise<void>): Promise<void> {
    const folder = this.folder(key);
    const draft = beside(folder);
    try {
      await mkdir(draft, { recursive: true });
      await fill(draft);
      await seal(draft, names);
      // What another has made meanwhile may be on its way into a session.
      if (!(await isIntact(folder))) await remove(folder);
      await rename(draft, folder).catch(async (thrown: unknown) => {
        if (!(await isIntact(folder))) throw thrown;
      });
    } finally {
      // Where it cannot be removed it could not be made, and that is what is told.
      await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  remove(key: string): Promise<void> {
    return remove(this.folder(key));
  }

  /** Why there is none and will be none; undefined where nobody has tried in vain. */
  unfit(key: string): Promise<string | undefined> {
    return readIfThere(this.#mark(key));
  }

  /** Notes why there will be none. Forgotten after a week: what stood in the way may have been the machine. */
  condemn(key: string, reason: string): Promise<void> {
    return writeFile(this.#mark(key), reason);
  }

  /** What was noted of that fingerprint; undefined where nothing was, or it is not whole. */
  async digest(print: string): Promise<string | undefined> {
    const noted = await readIfThere(this.#noteOf(print));
    return noted !== undefined && DIGEST.test(noted) ? noted : undefined;
  }

  /** Notes the digest of the files that have this fingerprint; forgotten a week later. */
  async note(print: string, digest: string): Promise<void> {
    await mkdir(this.#root, { recursive: true });
    await writeFile(this.#noteOf(print), digest);
  }

  /** Says that they are in use. Where that cannot be written, nothing else can either. */
  async keep(keys: readonly string[]): Promise<void> {
    const now = new Date();
    for (const key of keys) await utimes(this.folder(key), now, now).catch(() => undefined);
  }

  /** Removes what nobody uses; whoever still maps a file of it keeps what it has mapped. */
  async prune(): Promise<void> {
    for (const name of await readdir(this.#root).catch(() => [])) {
      const longest = PREPARATION.test(name) ? UNUSED_MS : ABANDONED.test(name) ? ABANDONED_MS : Infinity;
      const path = join(this.#root, name);
      const { mtimeMs = Infinity } = (await stat(path).catch(() => undefined)) ?? {};
      // Of two that do it at once one comes too late.
      if (Date.now() - mtimeMs > longest) await remove(path).catch(() => undefined);
    }
  }

  #noteOf(print: string): string {
    return join(this.#root, `${print}.digest`);
  }

  #mark(key: string): string {
    return `${this.folder(key)}.unfit`;
  }
}

/** Out of the way first: another process may map these files, and goes on doing so. */
async function remove(path: string): Promise<void> {
  const aside = beside(path);
  const moved = await rename(path, aside).then(() => true, () => false); // prettier-ignore
  if (moved) await rm(aside, { recursive: true, force: true });
}

/** A name on the same file system that nobody else has. */
function beside(path: string): string {
  return `${path}.${process.pid}.${randomUUID()}`;
}
