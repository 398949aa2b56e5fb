// One line a request: which, what came of it, how long it took; and where the time went when that was long.
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

/** Asked every few seconds by machines: their answers are worth a line when they are no. */
const PROBES = /^\/(health|metrics|v2\/health)/;

/** Names from the path that are no model may be of any length. */
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

  record(request: FastifyRequest, status: number, totalMs: number): void {
    if (this.slowMs > 0 && totalMs >= this.slowMs) this.log.warn(explanation(request, status, totalMs), 'slow request');
    else if (!this.#informs) return;
    else if (status < 400 && PROBES.test(request.routeOptions.url ?? '')) this.log.debug(line(request, status, totalMs), 'request');
    else this.log.info(line(request, status, totalMs), 'request');
  }
}

/** Fields that are undefined are left out of the line. Never a header, a query, a body. */
function line(request: FastifyRequest, status: number, totalMs: number): object {
  const { timings, timeline, trace, failure } = request;
  const { model, version } = (request.params ?? {}) as { model?: string; version?: string };
  return {
    requestId: request.id,
    trace_id: trace?.id,
    method: request.method,
    route: request.routeOptions.url,
    status,
    code: failure ?? undefined,
    model: timeline?.model ?? model?.slice(0, LONGEST_NAME),
    version: timeline?.version ?? version?.slice(0, LONGEST_NAME),
    totalMs: rounded(totalMs),
    preprocessMs: timings ? rounded(timings.preprocess * 1000) : undefined,
    queueMs: timings ? rounded(timings.queue * 1000) : undefined,
    inferenceMs: timings ? rounded(timings.inference * 1000) : undefined,
  };
}

/** The line with every station; of one that failed, those that it reached. */
function explanation(request: FastifyRequest, status: number, totalMs: number): object {
  const { timeline } = request;
  const { enqueuedAt, departedAt, settledAt } = timeline ?? {};
  const end = performance.now();
  const between = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? undefined : rounded(to - from);
  return {
    ...line(request, status, totalMs),
    bodyBytes: Buffer.isBuffer(request.body) ? request.body.length : undefined,
    decodeMs: between(end - totalMs, timeline?.decodedAt),
    beforeQueueMs: between(timeline?.decodedAt, enqueuedAt),
    queueMs: between(enqueuedAt, departedAt ?? settledAt),
    afterQueueMs: between(departedAt, settledAt),
    inferenceMs: timeline && timeline.batchRows > 0 ? rounded(timeline.inferenceSeconds * 1000) : undefined,
    encodeMs: between(settledAt, end),
    queuedRows: enqueuedAt === undefined ? undefined : timeline?.queuedRows,
    batchRows: timeline && timeline.batchRows > 0 ? timeline.batchRows : undefined,
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
