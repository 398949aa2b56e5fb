// A runner of batches whose ends are decided by the test, and what a test of the batcher asks and notes beside it.
import { Worker } from 'node:worker_threads';
import type { Batcher, BatchingPolicy, Runner } from '../../src/batching/batcher.js';
import type { Item, JobOptions } from '../../src/batching/item.js';
import type { Layout } from '../../src/batching/layout.js';
import type { NestorError } from '../../src/errors.js';
import { Instance, type RunResult } from '../../src/runtime/instance.js';
import type { ModelMetrics } from '../../src/telemetry/model-metrics.js';
import type { Tensor } from '../../src/tensor.js';

export const LAYOUT: Layout = { batches: true, paddedInputs: new Map([['x', 0]]), paddedOutputs: new Set(['x']) };
export const POLICY: BatchingPolicy = {
  maxRows: 4,
  maxTokens: 40,
  tolerance: 2,
  maxDelayMs: 0,
  maxQueueItems: 10,
  maxQueueTokens: 100,
  queueTimeoutMs: Infinity,
  aloneFromBytes: Infinity,
};

/** A batch that runs until the test says how it ends. */
export interface Run {
  readonly inputs: readonly Tensor[];
  readonly fetches: readonly string[];
  readonly finish: (result: RunResult) => void;
  readonly fail: (reason: unknown) => void;
}

export class HandRunner implements Runner {
  hopeful = true;
  /** Batches that may run at once. */
  seats = 1;
  sharing = 1;
  /** Seats that came to nothing. */
  left = 0;
  batcher: Batcher | undefined;
  readonly loneAsked: boolean[] = [];
  /** All batches, in the order in which they began. */
  readonly started: Run[] = [];
  readonly running: Run[] = [];
  readonly #instance = neverStarted();

  get idle(): boolean {
    return this.running.length === 0;
  }

  seat(lone: boolean): Instance | undefined {
    this.loneAsked.push(lone);
    return this.running.length < this.seats ? this.#instance : undefined;
  }

  leave(): void {
    this.left += 1;
    this.batcher?.pump();
  }

  async run(_: Instance, inputs: readonly Tensor[], fetches: readonly string[]): Promise<RunResult> {
    let run: Run | undefined;
    try {
      return await new Promise((finish, fail) => {
        run = { inputs, fetches, finish, fail };
        this.started.push(run);
        this.running.push(run);
      });
    } finally {
      if (run) this.running.splice(this.running.indexOf(run), 1);
      this.batcher?.pump();
    }
  }
}

function neverStarted(): Instance {
  return new Instance({
    openWorker: () => new Worker(new URL('none:')),
    modelPath: '',
    sessionOptions: {},
    threads: 1,
    niceness: 0,
    onRestart: () => undefined,
    onLost: () => undefined,
    onFailing: () => undefined,
    onUnfit: () => undefined,
  });
}

/** The metrics of a batcher, written down. */
export class Ledger {
  readonly waits: number[] = [];
  readonly batches: (readonly [number, number])[] = [];
  readonly inferences: number[] = [];
  failures = 0;
  /** Rows that wait, as the gauge last said. */
  waiting = 0;
  /** Tokens a second, as the gauge last said. */
  drainRate = NaN;

  get metrics(): ModelMetrics {
    const metrics: Partial<ModelMetrics> = {
      model: 'm',
      version: '1',
      queueWait: (seconds) => void this.waits.push(seconds),
      batch: (rows, padding) => void this.batches.push([rows, padding]),
      batchFailed: () => void (this.failures += 1),
      inference: (seconds) => void this.inferences.push(seconds),
      queueItems: (rows) => void (this.waiting = rows),
      drainRate: (tokensPerSecond) => void (this.drainRate = tokensPerSecond),
    };
    return metrics as ModelMetrics;
  }
}

/** An item of one row, whose elements are all `value`. */
export function item(value: number, length = 5): Item {
  const inputs: Tensor[] = [{ name: 'x', datatype: 'FP32', shape: [1, length], data: new Float32Array(length).fill(value) }];
  return { inputs, rows: 1, length, kind: '' };
}

/** `count` of them, with the values 0, 1, 2, ... */
export function items(count: number, length?: number): Item[] {
  return Array.from({ length: count }, (_, index) => item(index, length));
}

/** How a request ended; empty while it has not. */
export interface Outcome {
  /** The first value of each item's output. */
  values?: unknown[];
  lengths?: number[];
  error?: NestorError;
  queueSeconds?: number;
  inferenceSeconds?: number;
}

/** Submits and notes how it ended, so that no rejection goes unheard. */
export function ask(batcher: Batcher, parts: readonly Item[], options: Partial<JobOptions> = {}): Outcome {
  const outcome: Outcome = {};
  batcher.submit(parts, { outputs: ['x'], ...options }).then(
    ({ outputs, ...times }) => {
      const data = outputs.map(([tensor]) => tensor?.data ?? []);
      Object.assign(outcome, times, { values: data.map(([first]) => first), lengths: data.map(({ length }) => length) });
    },
    (error: unknown) => Object.assign(outcome, { error }),
  );
  return outcome;
}
