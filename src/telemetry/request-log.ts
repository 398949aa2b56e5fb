// One line a request: which, what came of it, how long it took; and where the time went when that was long.
import type { Logger } from 'pino';
import type { ErrorCode } from '../errors.js';
import type { Timeline } from './timeline.js';

/** When a request came, and how long it took: read off the clock at one time, so that its stations lie between. */
export interface Duration {
  /** A point of `performance.now()`. */
  readonly startedAt: number;
  readonly totalMs: number;
}

/** A request that has its answer, whichever door it came through. */
export interface ServedRequest extends Duration {
  readonly id: string;
  /** Of HTTP; `gRPC` for a call. */
  readonly method: string;
  /** The template of its path, or the full name of the method; never what a client made up. */
  readonly route: string | undefined;
  readonly status: number;
  readonly failure: ErrorCode | null;
  /** What it asked for, as it is called in the path; what it got is in the timeline. */
  readonly model: string | undefined;
  readonly version: string | undefined;
  /** Bytes of its body as sent, where it said so. */
  readonly contentLength: string | undefined;
  /** Seconds. */
  readonly timings: { readonly cache: number; readonly preprocess: number; readonly queue: number; readonly inference: number } | null;
  readonly timeline: Timeline | null;
  readonly traceId: string | undefined;
}

/** Asked every few seconds by machines: their answers are worth a line when they are no. */
const PROBES = /^\/(health|metrics|v2\/health|grpc\.(health|reflection))/;

/** Names that are no model may be of any length. */
const LONGEST_NAME = 128;

export class RequestLog {
  readonly #informs: boolean;

  /** @param slowMs from where on a request explains itself, as a warning; 0: never. */
  constructor(
    private readonly log: Logger,
    private readonly slowMs: number,
  ) {
    this.#informs = log.isLevelEnabled('info');
  }

  record(request: ServedRequest): void {
    const slow = this.slowMs > 0 && request.totalMs >= this.slowMs;
    if (!slow && !this.#informs) return;
    if (isProbe(request)) this.log.debug(line(request), 'request');
    else if (slow) this.log.warn(explanation(request), 'slow request');
    else this.log.info(line(request), 'request');
  }
}

/** Watchers of gRPC stay for as long as they like, and leave by cancelling. */
function isProbe({ route, status, failure }: ServedRequest): boolean {
  return status < 400 && (failure === null || failure === 'CANCELLED') && PROBES.test(route ?? '');
}

/** What it got; until it has something, what it asked for. */
export function modelOf({ model, version, timeline }: ServedRequest): { model: string | undefined; version: string | undefined } {
  return {
    model: timeline?.model ?? model?.slice(0, LONGEST_NAME),
    version: timeline?.version ?? version?.slice(0, LONGEST_NAME),
  };
}

/** Fields that are undefined are left out of the line. Never a header, a query, a body. */
function line(request: ServedRequest): object {
  const { id, traceId, method, route, status, failure, totalMs, timings } = request;
  const { model, version } = modelOf(request);
  return {
    requestId: id,
    trace_id: traceId,
    method,
    route,
    status,
    code: failure ?? undefined,
    model,
    version,
    totalMs: rounded(totalMs),
    cacheMs: timings ? rounded(timings.cache * 1000) : undefined,
    preprocessMs: timings ? rounded(timings.preprocess * 1000) : undefined,
    queueMs: timings ? rounded(timings.queue * 1000) : undefined,
    inferenceMs: timings ? rounded(timings.inference * 1000) : undefined,
  };
}

/** The line with every station; of one that failed, those that it reached. */
function explanation(request: ServedRequest): object {
  const { timeline, startedAt, totalMs, contentLength } = request;
  const { decodedAt, enqueuedAt, departedAt, settledAt } = timeline ?? {};
  const ran = timeline !== null && timeline.batchRows > 0;
  const end = startedAt + totalMs;
  const between = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? undefined : rounded(to - from);
  return {
    ...line(request),
    bodyBytes: contentLength === undefined ? undefined : Number(contentLength),
    decodeMs: between(startedAt, decodedAt),
    beforeQueueMs: between(decodedAt, enqueuedAt),
    queueMs: between(enqueuedAt, departedAt ?? settledAt),
    afterQueueMs: between(departedAt, settledAt),
    inferenceMs: ran ? rounded(timeline.inferenceSeconds * 1000) : undefined,
    encodeMs: between(settledAt, end),
    queuedRows: enqueuedAt === undefined ? undefined : timeline?.queuedRows,
    batchRows: ran ? timeline.batchRows : undefined,
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
