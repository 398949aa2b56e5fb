// How long a call may take over all its tries: a deadline and the caller's own signal, joined.
import { NestorError } from './error.js';

/** What setTimeout can count. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Limit {
  readonly #abort = new AbortController();
  readonly #end: number;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #follow = (): void => {
    this.#abort.abort(this.given?.reason);
  };

  /** @throws NestorError INVALID_REQUEST unless the time is above 0. */
  constructor(
    timeoutMs: number | undefined,
    private readonly given: AbortSignal | undefined,
    requestId?: string,
  ) {
    if (timeoutMs !== undefined && !(timeoutMs > 0)) {
      throw new NestorError('INVALID_REQUEST', 'timeoutMs is a number of milliseconds above 0', { field: 'timeoutMs' });
    }
    this.#end = performance.now() + (timeoutMs ?? Infinity);
    if (given?.aborted) this.#follow();
    given?.addEventListener('abort', this.#follow);
    if (timeoutMs !== undefined && timeoutMs <= LONGEST_TIMER_MS) {
      this.#timer = setTimeout(() => {
        const title = 'The deadline has passed';
        this.#abort.abort(new NestorError('DEADLINE_EXCEEDED', `No answer within ${timeoutMs} ms`, { title, requestId }));
      }, timeoutMs);
    }
  }

  /** Aborted with the reason that the caller is to see. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Milliseconds; infinite without a deadline. */
  get remainingMs(): number {
    return this.#end - performance.now();
  }

  /** What a promise gives, unless the call ends before. @throws the reason of whatever ends it first. */
  async within<T>(promise: T | Promise<T>): Promise<T> {
    const { signal } = this;
    signal.throwIfAborted();
    let stop = (): void => undefined;
    const ended = new Promise<never>((_, reject) => {
      stop = () => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(signal.reason);
      };
      signal.addEventListener('abort', stop, { once: true });
    });
    try {
      return await Promise.race([promise, ended]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** @throws the reason of whatever ends the call first. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = this;
      const stop = (): void => {
        clearTimeout(timer);
        // The reason is the caller's own, or an error of this class.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      }, ms);
      signal.addEventListener('abort', stop, { once: true });
      // Who aborted before would not be heard any more.
      if (signal.aborted) stop();
    });
  }

  /** Lets go of the caller's signal, which may live long. */
  close(): void {
    clearTimeout(this.#timer);
    this.given?.removeEventListener('abort', this.#follow);
  }
}
