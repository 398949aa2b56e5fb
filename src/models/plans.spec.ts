// Defaults: instances that fill the cores and never exceed them, batches and queues by provider.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Manifest } from './manifest.js';
import { batchingPolicy, instancePlan } from './plans.js';

const LARGE = 45_000_000;

function plan(manifest: Partial<Manifest>, cores: number, bytes = LARGE) {
  return instancePlan(Object.assign(new Manifest(), manifest), 'model.onnx', bytes, cores);
}

describe('instancePlan', () => {
  it('is one instance of one thread a core, and a wide one for a request that is alone', () => {
    expect(plan({}, 4)).toMatchObject({ provider: 'cpu', count: 4, threads: 1, wide: true, modelPath: 'model.onnx' });
  });

  it('needs no wide instance for a small model or on one core', () => {
    expect([plan({}, 4, 100_000).wide, plan({}, 1).wide]).toEqual([false, false]);
  });

  it.each(['cuda', 'tensorrt'] as const)('is one instance on %s', (provider) => {
    expect(plan({ runtime: { provider, deviceId: 2 } }, 16)).toMatchObject({ provider, deviceId: 2, count: 1, threads: 1, wide: false });
  });

  it('is what the manifest says', () => {
    const runtime = { instances: 3, threads: 2, wide: false, session: { disable_prepacking: '1' } };
    expect(plan({ runtime }, 8)).toMatchObject({ count: 3, threads: 2, wide: false, entries: { disable_prepacking: '1' } });
  });

  it('never plans more threads on the CPU than there are cores, and always one instance', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 128 }), fc.option(fc.integer({ min: 1, max: 256 }), { nil: undefined }), (cores, threads) => {
        const { count, threads: each } = plan({ runtime: { ...(threads && { threads }) } }, cores);
        expect(count).toBeGreaterThan(0);
        expect(count * each).toBeLessThanOrEqual(cores);
      }),
    );
  });
});

describe('batchingPolicy', () => {
  it('keeps batches small on the CPU and large on a GPU, and holds none back', () => {
    expect(batchingPolicy(new Manifest(), true)).toMatchObject({ maxTokens: 512, maxDelayMs: 0, tolerance: 1.15 });
    expect(batchingPolicy(new Manifest(), false).maxTokens).toBeGreaterThan(512);
  });

  it('lets large rows travel alone on the CPU, unless it is told how many may share a batch', () => {
    expect(batchingPolicy(new Manifest(), true).aloneFromBytes).toBe(128 * 1024);
    expect(batchingPolicy(new Manifest(), false).aloneFromBytes).toBe(Infinity);
    expect(batchingPolicy(Object.assign(new Manifest(), { batching: { maxRows: 8 } }), true).aloneFromBytes).toBe(Infinity);
  });

  it('admits an array of thousands', () => {
    expect(batchingPolicy(new Manifest(), true).maxQueueItems).toBeGreaterThan(16_000);
  });

  it('is what the manifest says', () => {
    const manifest = Object.assign(new Manifest(), {
      batching: { maxRows: 1, maxTokens: 2, tolerance: 3, maxDelayMs: 4 },
      queue: { maxItems: 5, maxTokens: 6, timeoutMs: 7 },
    });
    expect(batchingPolicy(manifest, true)).toMatchObject({
      maxRows: 1,
      maxTokens: 2,
      tolerance: 3,
      maxDelayMs: 4,
      maxQueueItems: 5,
      maxQueueTokens: 6,
      queueTimeoutMs: 7,
    });
  });
});
