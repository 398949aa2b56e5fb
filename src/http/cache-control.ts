// What client and server say to each other about the cache: Cache-Control, X-Cache, ETag and If-None-Match (RFC 9110, RFC 9111).
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { CacheMode } from '../cache/cache.service.js';
import type { CacheReport } from '../inference/prediction.js';

/** `no-store`: leave no trace; `no-cache` or `max-age=0`: compute it anew. */
export function cacheModeOf(cacheControl: string | undefined): CacheMode {
  if (cacheControl === undefined) return 'use';
  const directives = cacheControl
    .toLowerCase()
    .split(',', 32)
    .map((directive) => directive.trim());
  if (directives.includes('no-store')) return 'bypass';
  return directives.includes('no-cache') || directives.includes('max-age=0') ? 'refresh' : 'use';
}

/** `hit; tier=memory` */
export function cacheStatus({ result, tier }: Pick<CacheReport, 'result' | 'tier'>): string {
  return tier === undefined ? result : `${result}; tier=${tier}`;
}

/**
 * Whether the client has this version already; compared weakly, as RFC 9110 asks for. `*` names none: it would spare the body to who has
 * nothing, since what is asked for by POST is not there before.
 */
export function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, '');
  return ifNoneMatch.split(',', 64).some((tag) => opaque(tag) === opaque(etag));
}

/** Answers 304 in place of a body that the client has. */
export function addConditional(fastify: FastifyInstance): void {
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const etag = reply.getHeader('ETag');
    if (typeof etag !== 'string' || reply.statusCode !== 200 || !matches(request.headers['if-none-match'], etag)) {
      done(null, payload);
      return;
    }
    if (payload instanceof Readable) payload.destroy();
    void reply.code(304).removeHeader('Content-Type').removeHeader('Content-Length');
    done(null, null);
  });
}
