// Models that are loaded when they are first used: which of them sleep, and how they are woken.
import { NestorError } from '../errors.js';

/** One that could not be loaded is tried again after this, and not with every request. */
const RETRY_MS = 10_000;

interface Sleep {
  /** Seconds since 1970. */
  readonly since: number;
  /** Point of `performance.now()`. */
  mayBeTried: number;
}

export class DormantModels {
  readonly #asleep = new Map<string, Sleep>();

  get names(): string[] {
    return [...this.#asleep.keys()];
  }

  has(name: string): boolean {
    return this.#asleep.has(name);
  }

  /** Seconds since 1970. */
  since(name: string): number {
    return this.#asleep.get(name)?.since ?? 0;
  }

  sleep(name: string): void {
    this.#asleep.set(name, { since: Math.floor(Date.now() / 1000), mayBeTried: 0 });
  }

  /** It serves, or is no more. */
  forget(name: string): void {
    this.#asleep.delete(name);
  }

  /**
   * Loads one that still sleeps; of many who want it the first does so for all.
   * @param load forgets it where any version of it serves then, though others could not be loaded.
   * @throws NestorError MODEL_NOT_READY when it cannot be loaded; whoever runs the server finds the reason in the log and the index.
   */
  async wake(name: string, load: () => Promise<void>): Promise<void> {
    const sleep = this.#asleep.get(name);
    if (!sleep) return;
    const remaining = sleep.mayBeTried - performance.now();
    if (remaining > 0) throw notLoaded(name, remaining);
    try {
      await load();
    } catch (cause) {
      if (!this.#asleep.has(name)) return;
      sleep.mayBeTried = performance.now() + RETRY_MS;
      throw notLoaded(name, RETRY_MS, cause);
    }
  }
}

function notLoaded(name: string, retryMs: number, cause?: unknown): NestorError {
  return new NestorError('MODEL_NOT_READY', `The model ${name} could not be loaded`, { retryAfter: Math.ceil(retryMs / 1000), cause });
}
