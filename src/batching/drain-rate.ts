// How fast a queue empties, so that a client can be told when to come back.

/** Older work counts for less, with this time constant: rates follow the load, not every batch. */
const MEMORY_SECONDS = 10;

/**
 * Tokens a second of batches that were full or left somebody waiting, as an exponentially weighted mean over their time. Those of a quiet hour
 * would say little of how fast a queue drains: all-minilm-l6-v2 on two cores did 1,000 tokens a second in its warm-up, 4,600 while one client
 * or three asked for short texts, 8,400 with 32 clients.
 */
export class DrainRate {
  #tokens = 0;
  #seconds = 0;
  /** Batches that run and were full, or left somebody waiting. */
  #saturated = 0;

  /** A batch departs. */
  departs(saturated: boolean): void {
    if (saturated) this.#saturated += 1;
  }

  /**
   * A batch ends. Others that end beside a saturated one count with it: else the time since they ended would be all that it seems to have taken.
   * @param busySeconds since the last batch ended.
   */
  ends(saturated: boolean, tokens: number, busySeconds: number): void {
    if (this.#saturated > 0) this.record(tokens, busySeconds);
    if (saturated) this.#saturated -= 1;
  }

  record(tokens: number, busySeconds: number): void {
    const keep = Math.exp(-busySeconds / MEMORY_SECONDS);
    this.#tokens = this.#tokens * keep + tokens;
    this.#seconds = this.#seconds * keep + busySeconds;
  }

  get known(): boolean {
    return this.#seconds > 0;
  }

  /** Infinity until something was measured: nobody is refused on a guess. */
  get tokensPerSecond(): number {
    return this.known ? this.#tokens / this.#seconds : Infinity;
  }

  secondsFor(tokens: number): number {
    return tokens / this.tokensPerSecond;
  }
}
