// What every answer carries and every request leaves behind, whatever its route: id, times, one observation.
import type { FastifyInstance } from 'fastify';
import type { Timings } from '../inference/prediction.js';
import type { Readiness } from '../health/readiness.js';
import type { Metrics } from '../telemetry/metrics.js';

export function addHooks(fastify: FastifyInstance, metrics: Metrics, readiness: Readiness): void {
  fastify.decorateRequest('timings', null);
  fastify.decorateRequest('origin', null);
  fastify.addHook('onSend', (request, reply, payload, done) => {
    void reply.header('X-Request-Id', request.id).header('Server-Timing', serverTiming(request.timings, reply.elapsedTime));
    // Asks clients to come back on a new connection, which the load balancer sends elsewhere.
    if (readiness.draining) void reply.header('Connection', 'close');
    done(null, payload);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? '_unknown';
    metrics.requestDuration.observe({ route, status: String(reply.statusCode) }, reply.elapsedTime / 1000);
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

/** https://www.w3.org/TR/server-timing/, in milliseconds. */
function serverTiming(timings: Timings | null, totalMs: number): string {
  const total = `total;dur=${totalMs.toFixed(2)}`;
  if (!timings) return total;
  const { cache, preprocess, queue, inference } = timings;
  const parts = Object.entries({ cache, preprocess, queue, inference });
  return [total, ...parts.map(([name, seconds]) => `${name};dur=${(seconds * 1000).toFixed(2)}`)].join(', ');
}
