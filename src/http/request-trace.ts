// The span of a request over HTTP, and those of the stations at the door.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Trace, Tracer } from '../telemetry/tracer.js';

/** Routes that run a model, or tell about one; probes and scrapes would only bury them. */
const TRACED = /^\/v[12]\/(?!health)/;

export function watchTraces(fastify: FastifyInstance, tracer: Tracer): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url ?? '';
    if (TRACED.test(route)) {
      request.trace = tracer.begin(`${request.method} ${route}`, request.headers, performance.now() - reply.elapsedTime) ?? null;
    }
    done();
  });
}

/** Made afterwards, of the times that are taken anyway. */
export function endTrace(
  trace: Trace,
  { method, routeOptions, id, timings, timeline, failure }: FastifyRequest,
  status: number,
  totalMs: number,
): void {
  const end = performance.now();
  if (timeline) {
    const { decodedAt, enqueuedAt, settledAt } = timeline;
    trace.station('decode', end - totalMs, decodedAt);
    if (enqueuedAt !== undefined && timings && timings.preprocess > 0)
      trace.station('preprocess', enqueuedAt - timings.preprocess * 1000, enqueuedAt);
    if (settledAt !== undefined && !failure) trace.station('encode', settledAt, end);
  }
  const attributes = {
    'http.request.method': method,
    'http.route': routeOptions.url ?? '',
    'http.response.status_code': status,
    'nestor.request.id': id,
    ...(timeline?.model !== undefined && { 'nestor.model': timeline.model, 'nestor.version': timeline.version ?? '' }),
    ...(failure && { 'error.type': failure }),
  };
  trace.end(end, attributes, status >= 500);
}
