// Models that are loaded when they are first used: which of them sleep, and how they are woken.
import { NestorError } from '../errors.js';

/** One that could not be loaded is tried again after this, and not with every request. */
const RETRY_MS = 10_000;

export class DormantModels {
  /** When each may be tried, as a point of `performance.now()`. */
  readonly #asleep = new Map<string, number>();

  has(name: string): boolean {
    return this.#asleep.has(name);
  }

  sleep(name: string): void {
    this.#asleep.set(name, 0);
  }

  /** It serves, or is no more. */
  forget(name: string): void {
    this.#asleep.delete(name);
  }

  /**
   * Loads one that still sleeps; of many who want it the first does so for all.
   * @throws NestorError MODEL_NOT_READY when it cannot be loaded; whoever runs the server finds the reason in the log and the index.
   */
  async wake(name: string, load: () => Promise<void>): Promise<void> {
    if (!this.has(name)) return;
    const remaining = (this.#asleep.get(name) ?? 0) - performance.now();
    if (remaining > 0) throw notLoaded(name, remaining);
    try {
      await load();
    } catch (cause) {
      if (this.has(name)) this.#asleep.set(name, performance.now() + RETRY_MS);
      throw notLoaded(name, RETRY_MS, cause);
    }
  }
}

function notLoaded(name: string, retryMs: number, cause?: unknown): NestorError {
  return new NestorError('MODEL_NOT_READY', `The model ${name} could not be loaded`, { retryAfter: Math.ceil(retryMs / 1000), cause });
}
