// A request and its reply together, for the pipes that read both.
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Encoded } from './codecs/codec.js';

export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export const ExchangeParam = createParamDecorator((_: unknown, context: ExecutionContext): Exchange => {
  const http = context.switchToHttp();
  return { request: http.getRequest(), reply: http.getResponse() };
});

/** Which version answered: not every format has a place for it, and the split of the traffic may have chosen. */
export const MODEL_VERSION = 'X-Model-Version';

/** Gives something back once the answer is out, or nobody waits for it any more. */
export function untilClosed({ raw }: FastifyReply, release: () => void): void {
  if (raw.destroyed) release();
  else raw.once('close', release);
}

const NOTHING = Buffer.alloc(0);

/** The body of a request; a request without one has an empty one. */
export function bytesOfBody({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : NOTHING;
}

/** Puts an encoded answer on its reply. */
export function deliver(reply: FastifyReply, { body, type, headers = {} }: Encoded, mediaType: string): Encoded['body'] {
  void reply.headers({ ...headers, 'Content-Type': type ?? mediaType, Vary: 'Accept' });
  return body instanceof Uint8Array && !Buffer.isBuffer(body) ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : body;
}
