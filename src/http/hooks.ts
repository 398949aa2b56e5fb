// What every answer carries and every request leaves behind, whatever its route: id, times, one observation.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '../errors.js';
import type { Timings } from '../inference/prediction.js';
import type { Readiness } from '../health/readiness.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { RequestLog, ServedRequest } from '../telemetry/request-log.js';
import { endTrace } from '../telemetry/request-trace.js';
import { traceparent, type Attributes, type Tracer } from '../telemetry/tracer.js';
import { servedRequest } from './served-request.js';

/** Routes that run a model, or tell about one; probes would only bury them. */
const TRACED = /^\/v[12]\/(?!health)/;

/** What the hooks tell, and what they ask. */
export interface Observers {
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly tracer: Tracer;
  readonly log: RequestLog;
}

export function addHooks(fastify: FastifyInstance, observers: Observers): void {
  for (const name of ['timings', 'origin', 'timeline', 'trace', 'failure'] as const) fastify.decorateRequest(name, null);
  if (observers.tracer.enabled) beginTraces(fastify, observers.tracer);
  fastify.addHook('onSend', (request, reply, payload, done) => {
    mark(request, reply, observers);
    done(null, payload);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    observe(request, reply, observers);
    done();
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    whenLost(reply, () => {
      request.failure ??= 'CANCELLED';
      observe(request, reply, observers);
    });
    done();
  });
}

/** What the hooks do, for a request that is refused before there are any. */
export function observeRefused(request: FastifyRequest, reply: FastifyReply, code: ErrorCode, observers: Observers): void {
  // What decorates all others has not reached it.
  Object.assign(request, { failure: code, timings: null, timeline: null, trace: null });
  observers.metrics.rejected.labels(code).inc();
  mark(request, reply, observers);
  reply.raw.once('close', () => {
    observe(request, reply, observers);
  });
}

/** What every answer carries. */
function mark(request: FastifyRequest, reply: FastifyReply, { readiness }: Observers): void {
  void reply.header('X-Request-Id', request.id).header('Server-Timing', serverTiming(request.timings, reply.elapsedTime));
  if (request.trace) void reply.header('traceresponse', traceparent(request.trace));
  // Asks clients to come back on a new connection, which the load balancer sends elsewhere.
  if (readiness.draining) void reply.header('Connection', 'close');
}

function observe(request: FastifyRequest, reply: FastifyReply, { metrics, log }: Observers): void {
  const totalMs = reply.elapsedTime;
  const served = servedRequest(request, reply, { startedAt: performance.now() - totalMs, totalMs });
  metrics.requestDuration.labels(labelOf(served), String(served.status)).observe(totalMs / 1000, request.trace?.id);
  log.record(served);
  if (request.trace) endTrace(request.trace, served, httpAttributes(served), served.status >= 500);
}

/** The root is another name of /embed, where it is not probed. */
function labelOf({ method, route = '_unknown' }: ServedRequest): string {
  return route === '/' && method === 'POST' ? '/embed' : route;
}

/** Calls back where a client has gone before the last byte of its answer: Fastify's `onResponse` says nothing of it. */
function whenLost({ raw }: FastifyReply, tell: () => void): void {
  raw.on('close', () => {
    // Once whoever works for it has heard of it as well.
    if (!raw.writableFinished) setImmediate(tell);
  });
}

function beginTraces(fastify: FastifyInstance, tracer: Tracer): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url ?? '';
    if (TRACED.test(route)) {
      request.trace = tracer.begin(`${request.method} ${route}`, request.headers, performance.now() - reply.elapsedTime) ?? null;
    }
    done();
  });
}

/** @param header in lower case; empty: there are no tenants. */
export function addTenants(fastify: FastifyInstance, header: string): void {
  fastify.decorateRequest('tenant', undefined);
  if (header === '') return;
  fastify.addHook('onRequest', (request, _reply, done) => {
    request.tenant = String(request.headers[header] ?? '');
    done();
  });
}

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/ */
function httpAttributes({ method, route = '', status }: ServedRequest): Attributes {
  return { 'http.request.method': method, 'http.route': route, 'http.response.status_code': status };
}

/** https://www.w3.org/TR/server-timing/, in milliseconds. */
function serverTiming(timings: Timings | null, totalMs: number): string {
  const total = `total;dur=${totalMs.toFixed(2)}`;
  if (!timings) return total;
  const { cache, preprocess, queue, inference } = timings;
  return `${total}, cache;dur=${ms(cache)}, preprocess;dur=${ms(preprocess)}, queue;dur=${ms(queue)}, inference;dur=${ms(inference)}`;
}

function ms(seconds: number): string {
  return (seconds * 1000).toFixed(2);
}
