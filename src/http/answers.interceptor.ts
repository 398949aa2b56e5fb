// A repeated request is answered with the bytes of its first answer, before it is decoded.
import { hash } from 'node:crypto';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, of, type Observable } from 'rxjs';
import type { Answer } from '../cache/answers.js';
import { CacheService } from '../cache/cache.service.js';
import { ModelRegistry } from '../models/model-registry.js';
import type { Model } from '../models/model.js';
import { CacheMetrics } from '../telemetry/cache-metrics.js';
import { cacheModeOf, cacheStatus } from './cache-control.js';
import { bytesOfBody, type Delivered } from './exchange.js';
import { addVary } from './vary.js';

/** Headers that the bytes of an answer depend on; test/answers.spec.ts finds out when a codec reads another. */
export const DECISIVE_HEADERS = ['content-type', 'accept', 'tensor-shape', 'tensor-datatype', 'inference-header-content-length'] as const;

/** Larger requests are only known by their tensors: hashing these once takes 0.15 ms. */
const LARGEST_BODY_BYTES = 256 * 1024;

const HIT = cacheStatus({ result: 'hit', tier: 'memory' });
const LEVEL = 'answer';

@Injectable()
export class AnswersInterceptor implements NestInterceptor<Delivered, Delivered> {
  constructor(
    private readonly cache: CacheService,
    private readonly models: ModelRegistry,
    private readonly metrics: CacheMetrics,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler<Delivered>): Observable<Delivered> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const key = this.cache.enabled ? keyOf(request) : undefined;
    if (key === undefined) return next.handle();
    const reply = http.getResponse<FastifyReply>();
    const remembered = this.#recall(key, request, reply);
    if (remembered) return of(remembered);
    const before = reply.getHeaders();
    return next.handle().pipe(map((body) => this.#keep(key, body, request, reply, before)));
  }

  #recall(key: string, request: FastifyRequest, reply: FastifyReply): Buffer | undefined {
    const { headers } = request;
    // Deadlines and urgencies have rules of their own, which are checked where they are read.
    if (cacheModeOf(headers['cache-control']) !== 'use' || headers['request-timeout'] !== undefined || headers.priority !== undefined)
      return undefined;
    const answer = this.cache.answers.get(key);
    const model = answer && this.#current(answer);
    this.metrics.asked('memory', LEVEL, model ? 'hit' : 'miss');
    if (!model) return undefined;
    const seconds = reply.elapsedTime / 1000;
    model.metrics.statistics.remembered(seconds);
    model.metrics.saved(answer.rows);
    request.timings = { cache: seconds, preprocess: 0, queue: 0, inference: 0 };
    void reply.headers(answer.headers).headers({ 'X-Cache': HIT, ETag: etag(model, key) });
    addVary(reply, 'Accept');
    return answer.body;
  }

  /** The model that gave the answer, if a request for it would be led there today. */
  #current({ name, asked, version, scope }: Answer): Model | undefined {
    const model = this.models.find(name, asked);
    return model?.version === version && model.cache.scope === scope ? model : undefined;
  }

  /** @param before headers that hooks had put there for this request alone, such as those for the origin of a page. */
  #keep(key: string, body: Delivered, request: FastifyRequest, reply: FastifyReply, before: Record<string, unknown>): Delivered {
    const { origin } = request;
    if (!origin?.cache || origin.cache.mode === 'bypass') return body;
    const { model, cache } = origin;
    const added = Object.entries(reply.getHeaders()).filter(([name]) => !(name in before) && name !== 'vary');
    const headers = Object.fromEntries(added.map(([name, value]) => [name, String(value)]));
    void reply.header('ETag', etag(model, key));
    if (!model.cache.outputs.has('memory') || (typeof body !== 'string' && !Buffer.isBuffer(body))) return body;
    const { version: asked } = request.params as { version?: string };
    const { name, version, cache: policy } = model;
    const bytes = Buffer.from(body as string);
    this.cache.answers.set(key, { body: bytes, headers, name, asked, version, scope: policy.scope, rows: cache.rows }, policy.ttlMs);
    return body;
  }
}

/** Undefined for requests that are too large. */
function keyOf(request: FastifyRequest): string | undefined {
  const bytes = bytesOfBody(request);
  if (bytes.byteLength > LARGEST_BODY_BYTES) return undefined;
  const { headers, url, tenant } = request;
  const decisive = DECISIVE_HEADERS.map((name) => headers[name] ?? null);
  return hash('sha256', `${JSON.stringify([url, tenant, decisive])}${hash('sha256', bytes, 'base64url')}`, 'base64url');
}

/** What a deterministic model answers is decided by the model and the request. Weak: it is the same whatever its Content-Encoding. */
function etag({ cache }: Model, key: string): string {
  return `W/"${cache.scope}.${key}"`;
}
