// From inputs to the queue and back: what can never be admitted is not worked on.
import { expect, it, jest } from '@jest/globals';
import { HandRunner, Ledger, POLICY } from '../../test/soak/hand-runner.js';
import { Batcher } from '../batching/batcher.js';
import type { Layout } from '../batching/layout.js';
import { Cancellation } from '../cancellation.js';
import type { CacheService } from '../cache/cache.service.js';
import type { CachePolicy } from '../cache/options.js';
import type { Model } from '../models/model.js';
import { Signature } from '../models/signature.js';
import type { ModelMetrics } from '../telemetry/model-metrics.js';
import { ModelStatistics } from '../telemetry/model-statistics.js';
import type { TenantMetrics } from '../telemetry/tenant-metrics.js';
import type { Ledger as Quotas } from '../tenants/ledger.js';
import { limitsOf } from '../tenants/limit.js';
import { Tenant } from '../tenants/tenant.js';
import type { Tensor } from '../tensor.js';
import type { Features } from './features.js';
import { InputRoom } from './input-room.js';
import { outputs, type Parts } from './levels.js';
import { answered, type Plan } from './remembered.js';
import { workOf, type Work } from './work.js';

const SEQUENCES: Layout = { batches: true, paddedInputs: new Map([['x', 0]]), paddedOutputs: new Set() };

/** Nobody may look into it. */
function sealed(): Float32Array<ArrayBuffer> {
  const { proxy, revoke } = Proxy.revocable(new Float32Array(0), {});
  revoke();
  return proxy;
}

/** Tensors of so many rows of one token. */
function rows(count: number, data = sealed()): Work {
  const tensors: Tensor[] = [{ name: 'x', datatype: 'FP32', shape: [count, 1], data }];
  return { size: 1, costly: false, keys: () => Promise.resolve(['']), tensors: () => Promise.resolve([tensors]) };
}

/** That they were looked into. */
const CUT = { code: 'INTERNAL', cause: expect.objectContaining({ message: expect.stringContaining('revoked') }) };

/** Asks a model whose output has so many floats a row for something. */
function asking(
  width: number,
  policy = POLICY,
  enabled = false,
  statistics = new ModelStatistics(),
): (work: Work, plan?: Pick<Plan<Parts>, 'tenant' | 'call'>) => Promise<unknown> {
  const batcher = new Batcher(policy, SEQUENCES, new HandRunner(), new Ledger().metrics);
  const signature = Signature.of({ inputs: [], outputs: [{ name: 'y', type: 'float32', shape: ['n', width] }] });
  const outputsOnly: CachePolicy = { scope: '', outputs: new Set(['memory']), features: new Set(), shares: {}, ttlMs: undefined };
  const metrics = { statistics } as ModelMetrics;
  const model: Partial<Model> = { batcher, layout: SEQUENCES, signature, maxRows: policy.maxRows, cache: outputsOnly, metrics };
  const plan: Omit<Plan<Parts>, 'work'> = {
    model: model as Model,
    call: {},
    tenant: new Tenant('', undefined),
    place: new InputRoom().take(0),
    outputs: ['y'],
    circumstances: {},
    valueOf: (parts) => parts,
    rowsOf: () => 1,
  };
  const cache = { enabled, tenantOf: () => undefined } as Partial<CacheService> as CacheService;
  return (work, asked) => answered(cache, {} as TenantMetrics, outputs, { ...plan, ...asked, work });
}

it('tensors of more rows than may ever wait are refused before they are cut', async () => {
  const ask = asking(1);
  await expect(ask(rows(POLICY.maxQueueItems + 1))).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', field: 'body' });
  await expect(ask(rows(POLICY.maxQueueItems))).rejects.toMatchObject(CUT);
});

it('more inputs than may ever wait are refused before they are keyed', async () => {
  const keys = jest.fn<Work['keys']>(() => Promise.reject(new Error('keyed')));
  const ask = asking(1, POLICY, true);
  const work = { ...rows(1), costly: true, keys };
  await expect(ask({ ...work, size: POLICY.maxQueueItems + 1 })).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', field: 'body' });
  expect(keys).not.toHaveBeenCalled();
  await expect(ask({ ...work, size: POLICY.maxQueueItems })).rejects.toThrow('keyed');
});

it('what the queue refuses at once costs nothing', async () => {
  const tenant = new Tenant('team', undefined);
  tenant.configure('team', { weight: 1, limits: limitsOf('tokens', '100/day') });
  const asked = { tenant, call: { deadline: performance.now() } };
  await expect(asking(1)(rows(3, new Float32Array(3)), asked)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  expect(tenant.limits).toContain('r=100;');
});

it('what the queue refuses once it was paid for costs nothing, and has failed once', async () => {
  const cancellation = new Cancellation();
  const claim: Quotas['claim'] = ({ count, need }) => {
    cancellation.abort();
    return Promise.resolve({ granted: need, left: count - need, window: Math.floor(Date.now() / 86_400_000), endsInMs: 1000 });
  };
  const tenant = new Tenant('team', { away: false, claim });
  tenant.configure('team', { weight: 1, limits: limitsOf('tokens', '100/day') });
  const statistics = new ModelStatistics();
  const asked = { tenant, call: { signal: cancellation } };
  const answer = asking(1, POLICY, false, statistics)(rows(3, new Float32Array(3)), asked);
  await expect(answer).rejects.toMatchObject({ code: 'CANCELLED' });
  expect([tenant.limits, statistics.failure.count]).toEqual([expect.stringContaining('r=100;'), 1]);
});

it('tensors that the queue may never hold are refused before their elements are looked at', async () => {
  const signature = Signature.of({ inputs: [{ name: 'x', type: 'int64', shape: [-1, -1] }], outputs: [] });
  const model: Partial<Model> = { signature, layout: SEQUENCES, limits: new Map([['x', { values: [1] }]]) };
  const work = (length: number): Work => {
    const tensors: Tensor[] = [{ name: 'x', datatype: 'INT64', shape: [1, length], data: new BigInt64Array(length) }];
    return workOf(model as Model, { kind: 'tensors', tensors }, {} as Features);
  };
  await expect(asking(1)(work(100_000))).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', field: 'body' });
  await expect(asking(1)(work(100))).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'inputs.x.data' });
});

it('outputs of more than a gigabyte are refused before they are computed', async () => {
  const ask = asking(2 ** 18, { ...POLICY, maxQueueItems: 2000, maxQueueTokens: 2000 });
  await expect(ask(rows(1025))).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', field: 'outputs' });
  await expect(ask(rows(1024))).rejects.toMatchObject(CUT);
});
