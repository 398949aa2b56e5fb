// Notices that files have changed: written, exchanged, or led elsewhere by a symlink, as Kubernetes exchanges what a Secret holds.
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../errors.js';

/** No watching of folders: none of the ways to do it sees every change on every volume. A look costs some microseconds. */
const LOOK_EVERY_MS = 1000;

export class FileWatch {
  readonly #end = new AbortController();
  /** Why the files cannot be read now: said once. */
  readonly #told = new Set<string>();

  /**
   * @param read is called for every change, and again at every look as long as the files cannot be read. It throws what is wrong with them.
   * @param refused is told what that was, and must not throw.
   */
  constructor(
    private readonly paths: readonly string[],
    private readonly read: () => void | Promise<void>,
    private readonly refused: (thrown: unknown) => void,
  ) {}

  /** From the state that was read before: a change meanwhile is seen at the first look. */
  start(state: string): void {
    void this.#run(state);
  }

  stop(): void {
    this.#end.abort();
  }

  async #run(state: string): Promise<void> {
    const pause = (): Promise<boolean> => sleep(LOOK_EVERY_MS, true, { signal: this.#end.signal, ref: false }).catch(() => false);
    while (await pause()) {
      const now = await stateOf(this.paths);
      if (now !== state && !(await this.#wasRead())) continue;
      state = now;
      this.#told.clear();
    }
  }

  /** Whether the files were read, be they right or wrong: what is wrong stays so until they change. */
  async #wasRead(): Promise<boolean> {
    try {
      await this.read();
      return true;
    } catch (thrown) {
      const reason = reasonOf(thrown);
      if (!this.#told.has(reason)) this.refused(thrown);
      this.#told.add(reason);
      return !isUnread(thrown);
    }
  }
}

/** The system would not have a file read, for want of descriptors perhaps, which passes without a change of the file. */
export function isUnread(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false;
  return 'syscall' in thrown || ('cause' in thrown && isUnread(thrown.cause));
}

/** What tells two states of the files apart: to be taken before they are read. */
export async function stateOf(paths: readonly string[]): Promise<string> {
  const states = paths.map((path) =>
    stat(path, { bigint: true }).then(
      ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(),
      () => 'absent',
    ),
  );
  return (await Promise.all(states)).join(';');
}
