// What browsers are told: the policy of the pages, whose scripts may call this server, and that an answer is what its type says.
import cors from '@fastify/cors';
import type { FastifyInstance, FastifyReply, onRequestHookHandler } from 'fastify';
import helmet, { type HelmetOptions } from 'helmet';

/** The routes that answer with HTML, and what belongs to it. */
const PAGES = /^\/docs(?:$|\/)/;
/** Seconds for which a browser remembers that it may. */
const PREFLIGHT_SECONDS = 600;
/** Headers of an answer that scripts may read. */
const EXPOSED = [
  ...['X-Request-Id', 'X-Cache', 'X-Model-Version', 'Server-Timing', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'ETag', 'Link'],
  ...['Tensor-Shape', 'Tensor-Datatype', 'Inference-Header-Content-Length'],
];

/** Helmet's headers, without those that are promises about TLS: whoever ends it makes them. */
const POLICY: HelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      imgSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
      // Swagger UI has its styles in the page.
      styleSrc: ["'self'", "'unsafe-inline'"],
    },
  },
  strictTransportSecurity: false,
};

/**
 * Pages get all of Helmet. On answers of an API most of it means nothing, and on each of them it cost 11 us of 14 (a bare route of Fastify);
 * `harden` costs 0.1. Not by @fastify/helmet, whose hooks are on all routes, and wait for a promise on each.
 */
export function addPolicies(fastify: FastifyInstance, corsOrigins: string): void {
  const policy = helmet(POLICY);
  const obeying: onRequestHookHandler = ({ raw }, reply, done) => {
    policy(raw, reply.raw, (error) => {
      done(error as Error | undefined);
    });
  };
  fastify.addHook('onRoute', (route) => {
    if (PAGES.test(route.url)) route.onRequest = [...[route.onRequest ?? []].flat(), obeying];
  });
  if (corsOrigins === '') return;
  const origins = corsOrigins.split(',').map((origin) => origin.trim());
  void fastify.register(cors, {
    origin: corsOrigins === '*' ? '*' : origins,
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    exposedHeaders: EXPOSED,
    maxAge: PREFLIGHT_SECONDS,
  });
}

/** No browser takes an answer for anything but what its Content-Type says. */
export function harden(reply: FastifyReply): void {
  void reply.header('X-Content-Type-Options', 'nosniff');
}
