// How fast a queue empties, so that a client can be told when to come back.

/** Older work counts for less, with this time constant: rates follow the load, not every batch. */
const MEMORY_SECONDS = 10;

/**
 * Tokens a second of batches that were full or left somebody waiting, as an exponentially weighted mean over their time. Those of a quiet hour
 * would say little of how fast a queue drains: all-minilm-l6-v2 on two cores did 1,000 tokens a second in its warm-up, 4,600 while one client
 * or three asked for short texts, 9,900 with 32 clients.
 */
export class DrainRate {
  #tokens = 0;
  #seconds = 0;

  record(tokens: number, busySeconds: number): void {
    const keep = Math.exp(-busySeconds / MEMORY_SECONDS);
    this.#tokens = this.#tokens * keep + tokens;
    this.#seconds = this.#seconds * keep + busySeconds;
  }

  /** Infinity until something was measured: nobody is refused on a guess. */
  get tokensPerSecond(): number {
    return this.#seconds > 0 ? this.#tokens / this.#seconds : Infinity;
  }

  secondsFor(tokens: number): number {
    return tokens / this.tokensPerSecond;
  }
}
