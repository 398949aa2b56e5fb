// A repeated request is answered with the bytes of its first answer, before it is decoded.
import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Answer } from '../cache/answers.js';
import { CacheService } from '../cache/cache.service.js';
import { ModelRegistry } from '../models/model-registry.js';
import type { Model } from '../models/model.js';
import { CacheMetrics } from '../telemetry/cache-metrics.js';
import { TenantMetrics } from '../telemetry/tenant-metrics.js';
import { Tenants } from '../tenants/tenants.js';
import { mayHave } from './access.js';
import { cacheModeOf, cacheStatus } from './cache-control.js';
import { bytesOfBody } from './exchange.js';
import type { Origin } from './fastify.js';
import { addVary } from './vary.js';

/** Headers that the bytes of an answer depend on; remembered-answers.spec.ts finds out when a codec reads another. */
export const DECISIVE_HEADERS = ['content-type', 'accept', 'tensor-shape', 'tensor-datatype', 'inference-header-content-length'] as const;

/** Headers that hooks put on an answer for its client alone, such as those for the origin of a page. */
const OF_THE_EXCHANGE = /^(access-control-|ratelimit|vary$|connection$|x-content-type-options$)/;

/** Larger requests are only known by their tensors: hashing these once takes 0.15 ms. */
const LARGEST_BODY_BYTES = 256 * 1024;

const HIT = cacheStatus({ result: 'hit', tier: 'memory' });
const LEVEL = 'answer';

/** The routes that run a model, but for those of text-embeddings-inference, whose answers say how long they took. */
const REMEMBERED = /^\/v[12]\/.*\/(predict|infer)$|^\/v1\/embeddings$/;

@Injectable()
export class RememberedAnswers {
  constructor(
    private readonly cache: CacheService,
    private readonly models: ModelRegistry,
    private readonly metrics: CacheMetrics,
    private readonly tenants: Tenants,
    private readonly usage: TenantMetrics,
  ) {}

  /**
   * Around every route that is added from now on and runs a model. As hooks, and with answers that the handlers put on the reply
   * themselves: with interceptors for both, `digits` took 77 us of the event loop a request, without them 53 (10 interleaved pairs,
   * medians; reading small bodies by events is a part of it).
   */
  watch(fastify: FastifyInstance): void {
    fastify.decorateRequest('answerKey', undefined);
    if (!this.cache.enabled) return;
    fastify.addHook('onRoute', (route) => {
      if (!REMEMBERED.test(route.url)) return;
      route.preHandler = (request, reply, done) => {
        request.answerKey = keyOf(request, this.cache.tenantOf(request.tenant));
        const remembered = request.answerKey && this.#recall(request.answerKey, request, reply);
        if (remembered) void reply.send(remembered);
        else done();
      };
    });
    fastify.addHook('onSend', (request, reply, payload, done) => {
      if (request.answerKey && request.origin) this.#keep(request.answerKey, payload, request.origin, reply);
      done(null, payload);
    });
  }

  #recall(key: string, request: FastifyRequest, reply: FastifyReply): Buffer | undefined {
    const { headers } = request;
    // Deadlines and urgencies have rules of their own, which are checked where they are read.
    if (cacheModeOf(headers['cache-control']) !== 'use' || headers['request-timeout'] !== undefined || headers.priority !== undefined)
      return undefined;
    const answer = this.cache.answers.get(key);
    const model = answer && mayHave(request, answer.name) && this.#current(answer);
    this.metrics.asked('memory', LEVEL, model ? 'hit' : 'miss');
    if (!model) return undefined;
    const seconds = reply.elapsedTime / 1000;
    model.metrics.statistics.remembered(seconds);
    model.metrics.saved(answer.rows);
    model.usage.touch();
    if (request.tenant !== undefined) this.usage.answered(this.tenants.of(request.tenant).label, model.name);
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

  #keep(key: string, body: unknown, { model, cache }: Origin, reply: FastifyReply): void {
    // The answer may still fail on its way out, and what is said in its place is nobody else's.
    if (!cache || cache.mode === 'bypass' || reply.statusCode !== 200) return;
    const headers = Object.fromEntries(
      Object.entries(reply.getHeaders())
        .filter(([name]) => !OF_THE_EXCHANGE.test(name))
        .map(([name, value]) => [name, String(value)]),
    );
    void reply.header('ETag', etag(model, key));
    // What a tier remembered has some of its time behind it, whatever else it is joined with; a whole answer would be kept for all of it.
    if (model.cache.ttlMs !== undefined && cache.tier !== undefined) return;
    if (!model.cache.outputs.has('memory') || (typeof body !== 'string' && !Buffer.isBuffer(body))) return;
    const { version: asked } = reply.request.params as { version?: string };
    const { name, version, cache: policy } = model;
    const bytes = Buffer.from(body as string);
    this.cache.answers.set(key, { body: bytes, headers, name, asked, version, scope: policy.scope, rows: cache.rows }, policy.ttlMs);
  }
}

/** Undefined for requests that are too large. */
function keyOf(request: FastifyRequest, tenant: string | undefined): string | undefined {
  const bytes = bytesOfBody(request);
  if (bytes.byteLength > LARGEST_BODY_BYTES) return undefined;
  const { headers, url } = request;
  const decisive = DECISIVE_HEADERS.map((name) => headers[name] ?? null);
  return hash('sha256', `${JSON.stringify([url, tenant, decisive])}${hash('sha256', bytes, 'base64url')}`, 'base64url');
}

/** What a deterministic model answers is decided by the model and the request. Weak: it is the same whatever its Content-Encoding. */
function etag({ cache }: Model, key: string): string {
  return `W/"${cache.scope}.${key}"`;
}
