// How long a row takes of late, and so for how few of them a run of their own pays.

/**
 * Rows of a fixed shape are split among the instances as far as each of them still runs for so long, in seconds: the hand-over takes 0.1 ms.
 * A row of text-orientation takes 4 ms: 4 clients had 243 answers a second where one instance took all rows that waited, 398 where two share
 * them, and 32 clients 405 and 549 (two slow cores).
 */
const WORTH_A_RUN_SECONDS = 0.002;

/** Weight of the newest run. */
const RECENT = 0.05;

export class RowPace {
  /** Seconds; the first run of all, which takes longest, is not believed at once. */
  #row = 0;

  /** Infinite as long as nothing is known. */
  get worthARun(): number {
    return this.#row === 0 ? Infinity : WORTH_A_RUN_SECONDS / this.#row;
  }

  ran(rows: number, seconds: number): void {
    this.#row += (seconds / rows - this.#row) * RECENT;
  }
}
