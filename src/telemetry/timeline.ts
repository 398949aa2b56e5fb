// When a request passed the stations of its path, and in what company: what its log line and its trace tell.
import type { Trace } from './tracer.js';

/** A batch that ran, or should have. Times are points of `performance.now()`. */
export interface BatchRun {
  readonly model: string;
  readonly version: string;
  readonly departedAt: number;
  readonly returnedAt: number;
  /** Time inside ONNX Runtime, in seconds. */
  readonly seconds: number;
  readonly rows: number;
  readonly requests: number;
  /** Parts of requests that travelled in it. */
  readonly items: number;
  /** Without padding. */
  readonly tokens: number;
  /** Share of it that is padding. */
  readonly paddingRatio: number;
  /** Why nothing came of it, a code of errors.ts; `seconds` is then 0. */
  readonly failure?: string | undefined;
}

export class Timeline {
  model: string | undefined;
  version: string | undefined;
  /** It was in the queue; undefined before. */
  enqueuedAt: number | undefined;
  /** The last of its parts left the queue. */
  departedAt: number | undefined;
  /** All its parts were back, or it had failed. */
  settledAt: number | undefined;
  /** Rows that waited when it came. */
  queuedRows = 0;
  /** Rows of the largest batch that carried a part of it. */
  batchRows = 0;
  inferenceSeconds = 0;

  constructor(
    /** It was understood. */
    readonly decodedAt: number,
    readonly trace?: Trace,
  ) {}

  enqueued(at: number, queuedRows: number, { model, version }: Pick<BatchRun, 'model' | 'version'>): void {
    this.model = model;
    this.version = version;
    this.enqueuedAt = at;
    this.queuedRows = queuedRows;
  }

  departed(at: number): void {
    this.departedAt = at;
  }

  settled(at: number): void {
    this.settledAt = at;
    if (this.enqueuedAt === undefined) return;
    this.trace?.station('queue', this.enqueuedAt, this.departedAt ?? at, { 'nestor.queue.rows': this.queuedRows });
  }

  ran({ rows, seconds }: BatchRun): void {
    this.batchRows = Math.max(this.batchRows, rows);
    this.inferenceSeconds = Math.max(this.inferenceSeconds, seconds);
  }
}

/** Tells the requests of a batch how it went, and traces it where one of them is traced. @returns the trace of one of those. */
export function recordRun(run: BatchRun, members: ReadonlySet<Timeline>): string | undefined {
  const traces: Trace[] = [];
  for (const timeline of members) {
    if (run.failure === undefined) timeline.ran(run);
    if (timeline.trace) traces.push(timeline.trace);
  }
  traces[0]?.batch(run, traces);
  return traces[0]?.id;
}
