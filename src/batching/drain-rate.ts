// How fast a queue empties, so that a client can be told when to come back.

/** Older work counts for less, with this time constant: rates follow the load, not every batch. */
const MEMORY_SECONDS = 10;

/** Tokens a second while there was work, as an exponentially weighted mean over busy time. */
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
