// What every answer carries and every request leaves behind, whatever its route: id, times, one observation.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Timings } from '../inference/prediction.js';
import type { Readiness } from '../health/readiness.js';
import type { Metrics } from '../telemetry/metrics.js';
import { traceparent, type Tracer } from '../telemetry/tracer.js';
import type { RequestLog } from './request-log.js';
import { endTrace, watchTraces } from './request-trace.js';

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The id that the client gave, if it is fit to be logged and sent back, else a new one. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** What the hooks tell, and what they ask. */
export interface Observers {
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly tracer: Tracer;
  readonly log: RequestLog;
}

export function addHooks(fastify: FastifyInstance, { metrics, readiness, tracer, log }: Observers): void {
  for (const name of ['timings', 'timeline', 'trace', 'failure'] as const) fastify.decorateRequest(name, null);
  if (tracer.enabled) watchTraces(fastify, tracer);
  fastify.addHook('onSend', (request, reply, payload, done) => {
    void reply.header('X-Request-Id', request.id).header('Server-Timing', serverTiming(request.timings, reply.elapsedTime));
    if (request.trace) void reply.header('traceresponse', traceparent(request.trace));
    // Asks clients to come back on a new connection, which the load balancer sends elsewhere.
    if (readiness.draining) void reply.header('Connection', 'close');
    done(null, payload);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? '_unknown';
    const totalMs = reply.elapsedTime;
    metrics.requestDuration.labels(route, String(reply.statusCode)).observe(totalMs / 1000, request.trace?.id);
    log.record(request, reply.statusCode, totalMs);
    if (request.trace) endTrace(request.trace, request, reply.statusCode, totalMs);
    done();
  });
}

/** https://www.w3.org/TR/server-timing/, in milliseconds. */
function serverTiming(timings: Timings | null, totalMs: number): string {
  const total = `total;dur=${totalMs.toFixed(2)}`;
  if (!timings) return total;
  const { preprocess, queue, inference } = timings;
  return `${total}, preprocess;dur=${(preprocess * 1000).toFixed(2)}, queue;dur=${(queue * 1000).toFixed(2)}, inference;dur=${(inference * 1000).toFixed(2)}`;
}
