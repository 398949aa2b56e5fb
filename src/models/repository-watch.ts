// Which folders of the repository have changed, and have lain still since: what somebody still writes is left alone.
import { filesOf, fingerprint } from './folder-contents.js';
import { scan } from './repository.js';

/** Of a folder that is not there. */
const GONE = 'gone';
/** Of one that is to be reported whatever it holds. */
const UNKNOWN = '';

export class RepositoryWatch {
  /** As it was at the last look. */
  #seen = new Map<string, string>();
  /** As it was when it was reported. */
  #reported = new Map<string, string>();

  constructor(private readonly repository: string) {}

  /** Takes everything as it is for known. */
  async begin(): Promise<void> {
    this.#seen = await this.#look();
    this.#reported = new Map(this.#seen);
  }

  /**
   * Names of models whose files are others than when they were reported last, and the same as at the look before. Those that are gone come
   * first: the others may need their memory.
   * @throws Error when the repository cannot be read; then nothing has changed.
   */
  async changed(): Promise<string[]> {
    const now = await this.#look();
    const gone = [...this.#reported.keys()].filter((name) => !now.has(name));
    const changed = [...gone, ...now.keys()].filter((name) => {
      const print = now.get(name) ?? GONE;
      return print === (this.#seen.get(name) ?? GONE) && print !== (this.#reported.get(name) ?? GONE);
    });
    for (const name of changed) this.#reported.set(name, now.get(name) ?? GONE);
    this.#seen = now;
    return changed;
  }

  /** What was reported of it could not be followed: it is reported once more. */
  again(name: string): void {
    this.#reported.set(name, UNKNOWN);
  }

  async #look(): Promise<Map<string, string>> {
    const prints = new Map<string, string>();
    for (const { name, path } of await scan(this.repository)) prints.set(name, await this.#print(path));
    return prints;
  }

  /** What cannot be looked at is looked at by whoever loads it, who says why. */
  async #print(path: string): Promise<string> {
    return filesOf(this.repository, path).then(fingerprint, String);
  }
}
