// What a model version has done since it was loaded, in numbers that can be read back: the statistics of the Open Inference Protocol.

/** How often, and how long altogether, in seconds. */
export interface Tally {
  readonly count: number;
  readonly seconds: number;
}

/** Where the time of one answered request went, in seconds. */
export interface Spent {
  readonly total: number;
  readonly queue: number;
  readonly preprocess: number;
  readonly inference: number;
}

const NONE: Tally = { count: 0, seconds: 0 };

function plus({ count, seconds }: Tally, more: number): Tally {
  return { count: count + 1, seconds: seconds + more };
}

export class ModelStatistics {
  success = NONE;
  failure = NONE;
  queue = NONE;
  preprocess = NONE;
  inference = NONE;
  /** Requests that the cache answered, or an equal one in flight. */
  cacheHit = NONE;
  /** Requests that the cache was asked for in vain, or not for all of it; with the time of asking. */
  cacheMiss = NONE;
  /** Seconds of all runs. */
  busy = 0;
  /** Rows that ran. */
  rows = 0;
  /** Batches that ran. */
  batches = 0;
  /** When the last batch came back, in milliseconds since 1970; 0 before the first. */
  lastInference = 0;
  /** Runs by the number of rows of their batch. */
  readonly byRows = new Map<number, Tally>();

  answered({ total, queue, preprocess, inference }: Spent): void {
    this.success = plus(this.success, total);
    this.queue = plus(this.queue, queue);
    this.preprocess = plus(this.preprocess, preprocess);
    this.inference = plus(this.inference, inference);
  }

  /** An answer without inference. */
  remembered(seconds: number): void {
    this.success = plus(this.success, seconds);
    this.cacheHit = plus(this.cacheHit, seconds);
  }

  missed(seconds: number): void {
    this.cacheMiss = plus(this.cacheMiss, seconds);
  }

  failed(seconds: number): void {
    this.failure = plus(this.failure, seconds);
  }

  ran(rows: number, seconds: number): void {
    this.rows += rows;
    this.busy += seconds;
    this.batches += 1;
    this.lastInference = Date.now();
    this.byRows.set(rows, plus(this.byRows.get(rows) ?? NONE, seconds));
  }
}
