// A request of HTTP and its answer, as the log and the traces take it.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS } from '../errors.js';
import type { Duration, ServedRequest } from '../telemetry/request-log.js';

export function servedRequest(request: FastifyRequest, reply: FastifyReply, duration: Duration): ServedRequest {
  const { id, method, routeOptions, headers, failure, timings, timeline, trace } = request;
  // A path that cannot be decoded has no parameters at all.
  const { model, version } = (request.params ?? {}) as { model?: string; version?: string };
  const contentLength = headers['content-length'];
  return {
    id,
    method,
    route: routeOptions.url,
    status: statusOf(request, reply),
    failure,
    model,
    version,
    contentLength,
    ...duration,
    timings,
    timeline,
    traceId: trace?.id,
  };
}

/** What the client was told; where it has gone before its answer was out, what it would have been. */
export function statusOf({ failure }: FastifyRequest, { raw, statusCode }: FastifyReply): number {
  return raw.writableFinished ? statusCode : ERRORS[failure ?? 'CANCELLED'].httpStatus;
}
