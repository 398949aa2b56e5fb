// A request and its reply together, for the pipes that read both.
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CacheReport, Timings } from '../inference/prediction.js';
import type { Model } from '../models/model.js';
import { cacheStatus } from './cache-control.js';
import type { Encoded } from './codecs/codec.js';

export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export const ExchangeParam = createParamDecorator((_: unknown, context: ExecutionContext): Exchange => {
  const http = context.switchToHttp();
  return { request: http.getRequest(), reply: http.getResponse() };
});

const NOTHING = Buffer.alloc(0);

/** The body of a request; a request without one has an empty one. */
export function bytesOfBody({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : NOTHING;
}

/** Notes for Server-Timing and the cache who answered, and says in X-Cache how. */
export function note(
  { request, reply }: Exchange,
  { model, timings, cache }: { readonly model: Model; readonly timings: Timings; readonly cache?: CacheReport | undefined },
): void {
  request.timings = timings;
  request.origin = { model, cache };
  if (cache) void reply.header('X-Cache', cacheStatus(cache));
}

/** Puts an encoded answer on its reply. */
export function deliver(reply: FastifyReply, { body, type, headers = {} }: Encoded, mediaType: string): Encoded['body'] {
  void reply.headers({ ...headers, 'Content-Type': type ?? mediaType, Vary: 'Accept' });
  return body instanceof Uint8Array && !Buffer.isBuffer(body) ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : body;
}
