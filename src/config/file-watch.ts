// Notices that files have changed: written, exchanged, or led elsewhere by a symlink, as Kubernetes exchanges what a Secret holds.
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** No watching of folders: none of the ways to do it sees every change on every volume. A look costs some microseconds. */
const LOOK_EVERY_MS = 1000;

export class FileWatch {
  readonly #end = new AbortController();

  /** @param changed is called for every change, and must not throw. */
  constructor(
    private readonly paths: readonly string[],
    private readonly changed: () => void,
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
      if (now === state) continue;
      state = now;
      this.changed();
    }
  }
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
