// A request and its reply together, for the pipes that read both.
import { Readable } from 'node:stream';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CacheReport, Timings } from '../inference/prediction.js';
import type { Model } from '../models/model.js';
import { cacheStatus } from './cache-control.js';
import type { Encoded } from './codecs/codec.js';
import { addVary } from './vary.js';

export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export const ExchangeParam = createParamDecorator((_: unknown, context: ExecutionContext): Exchange => {
  const http = context.switchToHttp();
  return { request: http.getRequest(), reply: http.getResponse() };
});

/** Which version answered: not every format has a place for it, and the split of the traffic may have chosen. */
const MODEL_VERSION = 'X-Model-Version';

/** Gives something back once the answer is out, or nobody waits for it any more. */
export function untilClosed({ raw }: FastifyReply, release: () => void): void {
  if (raw.destroyed) release();
  else raw.once('close', release);
}

const NOTHING = Buffer.alloc(0);
const STREAMED_FROM_BYTES = 64 * 1024;

/** The body of a request; a request without one has an empty one. */
export function bytesOfBody({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : NOTHING;
}

/** Who gave an answer, how long it took, and what the cache had to do with it. */
export interface Answered {
  readonly model: Model;
  readonly timings: Timings;
  readonly cache?: CacheReport | undefined;
}

export type Delivered = Buffer | string | Readable;

/** Puts an encoded answer on its reply, and notes for Server-Timing and the cache who gave it. */
export function deliver({ request, reply }: Exchange, { model, timings, cache }: Answered, encoded: Encoded, mediaType: string): Delivered {
  const { body, type, headers } = encoded;
  request.timings = timings;
  request.origin = { model, cache };
  if (headers) void reply.headers(headers);
  void reply.header(MODEL_VERSION, model.version).header('Content-Type', type ?? mediaType);
  addVary(reply, 'Accept');
  if (cache) void reply.header('X-Cache', cacheStatus(cache));
  if (typeof body === 'string' || body instanceof Readable) return body;
  if (body instanceof Uint8Array) return bufferOf(body);
  void reply.header('Content-Length', sizeOf(body));
  return inPieces(body);
}

const sizeOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Without a copy, as a view. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A small answer is joined, which is less work than a stream; in a large one the copy would be most of the work. */
function inPieces(pieces: readonly Uint8Array[]): Buffer | Readable {
  if (sizeOf(pieces) < STREAMED_FROM_BYTES) return Buffer.concat(pieces);
  // A stream of objects: one of bytes joins whatever it has when it is read.
  return Readable.from(pieces.map(bufferOf));
}
