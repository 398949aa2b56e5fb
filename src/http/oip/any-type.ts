// Bodies under /v2 are what the protocol says they are, whatever their Content-Type.
import type { FastifyInstance, onRequestHookHandler } from 'fastify';

/** Fastify refuses what is no media type, and knows at once who reads this one. */
const callItJson: onRequestHookHandler = ({ headers }, _reply, done) => {
  if (headers['content-type'] !== undefined) headers['content-type'] = 'application/json';
  done();
};

/** For every route that is added from now on. */
export function acceptAnyType(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    if (route.url.startsWith('/v2/')) route.onRequest = [callItJson, ...[route.onRequest ?? []].flat()];
  });
}
