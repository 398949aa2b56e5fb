// Whole answers are told apart by every header that a codec reads.
import type { IncomingHttpHeaders } from 'node:http';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { Answers } from '../cache/answers.js';
import type { CacheService } from '../cache/cache.service.js';
import type { CachePolicy } from '../cache/options.js';
import type { CacheReport } from '../inference/prediction.js';
import type { ModelRegistry } from '../models/model-registry.js';
import { Signature } from '../models/signature.js';
import type { Model } from '../models/model.js';
import { Usage } from '../models/usage.js';
import type { CacheMetrics } from '../telemetry/cache-metrics.js';
import type { TenantMetrics } from '../telemetry/tenant-metrics.js';
import type { Tenants } from '../tenants/tenants.js';
import { DECISIVE_HEADERS, RememberedAnswers } from './remembered-answers.js';
import { decoderFor, mediaTypes } from './codecs/registry.js';
import { matches } from './cache-control.js';

const spec = { name: 'x', datatype: 'FP32' as const, shape: [-1, 4], axes: [] };
const model = { name: 'any', version: '1', signature: new Signature([spec], [spec]), image: {} } as unknown as Model;

/** Notes which headers are looked at. */
function watched(headers: IncomingHttpHeaders, seen: Set<string>): IncomingHttpHeaders {
  return new Proxy(headers, {
    get: (target, name) => {
      seen.add(String(name));
      return target[String(name)];
    },
  });
}

it.each([...new Set([...mediaTypes('decode', 'Prediction'), ...mediaTypes('decode', 'Embeddings')])])('%s', async (type) => {
  const seen = new Set<string>();
  const headers = watched({ 'content-type': type.startsWith('multipart') ? `${type}; boundary=x` : type }, seen);
  const incoming = { bytes: Buffer.alloc(16), headers };
  try {
    await decoderFor('Prediction', type).decodePrediction(incoming, model);
  } catch {
    // What it says of the body is not the point.
  }
  expect([...seen].filter((name) => !(DECISIVE_HEADERS as readonly string[]).includes(name))).toEqual([]);
  if (type === 'application/octet-stream') expect(seen).toEqual(new Set(['tensor-shape', 'tensor-datatype']));
});

it('entity tags are compared weakly, and in lists; the star is none', () => {
  for (const header of ['W/"a"', '"a"', '"b", W/"a"']) expect(matches(header, 'W/"a"')).toBe(true);
  for (const header of [undefined, '', '*', 'a', '"b"', 'W/"b"']) expect(matches(header, 'W/"a"')).toBe(false);
});

describe('an answer', () => {
  const usage = new Usage();
  /** How often answers were asked for. */
  let lookups = 0;
  beforeEach(() => {
    lookups = 0;
  });
  /** Sends a request twice, whose answer the handler has from there. @returns how often the handler was asked. */
  async function askedTwice(
    result: CacheReport['result'],
    ttlMs: number | undefined,
    { status = 200, tier = undefined as CacheReport['tier'], url = '/v1/models/any/predict' } = {},
  ): Promise<number> {
    const scope = `${result} ${ttlMs}`;
    const cache: CachePolicy = { scope, outputs: new Set(['memory']), features: new Set(), shares: {}, ttlMs };
    const metrics = { statistics: { remembered: () => undefined }, saved: () => undefined };
    const served = { ...model, cache, metrics, usage } as unknown as Model;
    const app = fastify();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => {
      done(null, body);
    });
    const service = { enabled: true, tenantOf: () => undefined, answers: new Answers(1_000_000) } as unknown as CacheService;
    const models = { find: () => served } as unknown as ModelRegistry;
    const instruments = { asked: () => (lookups += 1) } as unknown as CacheMetrics;
    new RememberedAnswers(service, models, instruments, {} as Tenants, {} as TenantMetrics).watch(app);
    let asked = 0;
    app.post(url, (request, reply) => {
      asked += 1;
      request.origin = { model: served, cache: { result, tier, rows: 1, mode: 'use' } };
      void reply.code(status).type('text/plain').send('answer');
    });
    for (let i = 0; i < 2; i++) {
      const { body, headers } = await app.inject({
        method: 'POST',
        url,
        headers: { 'content-type': 'x/y' },
        payload: 'x',
      });
      expect(body).toBe('answer');
      expect(headers.etag !== undefined).toBe(status === 200 && lookups > 0);
    }
    await app.close();
    return asked;
  }

  it('is remembered', async () => {
    const [known, joined] = [{ tier: 'memory' }, { tier: undefined }] as const;
    expect([await askedTwice('miss', undefined), await askedTwice('miss', 1000)]).toEqual([1, 1]);
    expect([await askedTwice('hit', undefined, known), await askedTwice('coalesced', 1000, joined)]).toEqual([1, 1]);
  });

  it('is not remembered for longer than what it was made of', async () => {
    for (const result of ['hit', 'partial', 'coalesced'] as const) expect(await askedTwice(result, 1000, { tier: 'memory' })).toBe(2);
  });

  it('is not remembered where it failed on its way out', async () => {
    expect(await askedTwice('miss', undefined, { status: 500 })).toBe(2);
  });

  it('of a route that tells times of each request is neither remembered nor missed', async () => {
    expect([await askedTwice('miss', undefined, { url: '/predict' }), lookups]).toEqual([2, 0]);
  });

  it('is a use of its model, which is not unloaded as if nobody used it', async () => {
    const before = usage.lastUsed;
    await askedTwice('miss', undefined);
    expect(usage.lastUsed).toBeGreaterThan(before);
  });
});
