// Work in flight that several requests wait for: each may leave, and the work ends only when all have left.
import type { CancellationSignal } from '../cancellation.js';
import { atDeadline } from '../deadline.js';
import { NestorError, type ErrorCode } from '../errors.js';

/** Who waits, and how long at most. */
export interface Passenger {
  /** Aborted when the client goes away. */
  readonly signal?: CancellationSignal | undefined;
  /** Point of `performance.now()` after which the answer is worthless. */
  readonly deadline?: number | undefined;
}

/** Failures that any request for the same would meet; every other is of the one who asked first: their deadline, their client. */
const COMMON: ReadonlySet<ErrorCode> = new Set(['INFERENCE_FAILED', 'WORKER_LOST', 'MODEL_NOT_READY', 'QUEUE_FULL', 'INTERNAL']);

export class Flight<R> {
  readonly #abort = new AbortController();
  readonly #landed: Promise<R>;
  #passengers = 0;
  #settled = false;

  /**
   * @param work is given a signal that is aborted once nobody waits any more.
   * @param urgency of the one who began it, see RFC 9218.
   * @param size Keys that it is for.
   */
  constructor(
    work: (signal: AbortSignal) => Promise<R>,
    readonly urgency: number,
    readonly size: number,
  ) {
    this.#landed = work(this.#abort.signal).finally(() => (this.#settled = true));
    // Everybody may have left.
    this.#landed.catch(() => undefined);
  }

  /**
   * Whether who joined and did not begin it has to try by themselves.
   * @param wanted keys that they joined it for: a failure may be the fault of another key.
   */
  isOfOthers(reason: unknown, wanted: number): boolean {
    return wanted < this.size || !(reason instanceof NestorError) || !COMMON.has(reason.code);
  }

  /** Gone already: the last passenger left. */
  get cancelled(): boolean {
    return this.#abort.signal.aborted;
  }

  /** @throws NestorError CANCELLED or DEADLINE_EXCEEDED for this passenger alone, and whatever the work fails with. */
  async wait({ signal, deadline }: Passenger): Promise<R> {
    this.#passengers += 1;
    const { promise, reject } = Promise.withResolvers<never>();
    const leave = (): void => {
      reject(new NestorError('CANCELLED', 'The client went away'));
    };
    const late = (): void => {
      reject(new NestorError('DEADLINE_EXCEEDED', 'The deadline passed before the answer was there'));
    };
    if (signal?.aborted) leave();
    signal?.addEventListener('abort', leave, { once: true });
    const timer = atDeadline(deadline, late);
    try {
      return await Promise.race([this.#landed, promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', leave);
      this.#passengers -= 1;
      if (this.#passengers === 0 && !this.#settled) this.#abort.abort();
    }
  }
}
