// What a tenant may have, at the door: each request is counted before its body is read, and each answer says what is left.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Tenants } from '../tenants/tenants.js';

/** https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10 */
export function addQuotas(fastify: FastifyInstance, tenants: Tenants): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (!isMetered(request)) {
      done();
      return;
    }
    let waits: Promise<unknown> | undefined;
    try {
      waits = tenants.of(request.tenant).enter();
    } catch (thrown) {
      done(thrown as Error);
      return;
    }
    if (!waits) {
      done();
      return;
    }
    waits.then(() => {
      done();
    }, done);
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const tenant = isMetered(request) ? tenants.of(request.tenant) : undefined;
    if (tenant?.policies !== undefined) void reply.header('RateLimit-Policy', tenant.policies).header('RateLimit', tenant.limits);
    done(null, payload);
  });
}

/** Requests count that give a model work. */
function isMetered({ routeOptions }: FastifyRequest): boolean {
  const { need } = routeOptions.config;
  return need !== undefined && need !== 'open' && (need.scope === 'predict' || need.scope === 'embed');
}
