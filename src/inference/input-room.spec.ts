// Room for inputs: never more than there is, and none is lost, however requests end and whoever works on for others.
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HandRunner, Ledger, POLICY } from '../../test/soak/hand-runner.js';
import { Batcher } from '../batching/batcher.js';
import { Answers } from '../cache/answers.js';
import { CacheService } from '../cache/cache.service.js';
import type { CachePolicy } from '../cache/options.js';
import { Tiers } from '../cache/tiers.js';
import { Cancellation } from '../cancellation.js';
import { NestorError } from '../errors.js';
import { ImageRecipe } from '../features/image-recipe.js';
import type { Model } from '../models/model.js';
import type { ModelManager } from '../models/model-manager.js';
import { Signature } from '../models/signature.js';
import { Usage } from '../models/usage.js';
import type { ModelMetrics } from '../telemetry/model-metrics.js';
import type { TenantMetrics } from '../telemetry/tenant-metrics.js';
import { Tenant } from '../tenants/tenant.js';
import type { Tenants } from '../tenants/tenants.js';
import type { Features } from './features.js';
import { InferenceService } from './inference.service.js';
import { InputRoom } from './input-room.js';
import type { Call, PredictionInput } from './prediction.js';

const MIB = 1024 * 1024;

describe('InputRoom', () => {
  it('refuses what does not fit beside the others for now, and what never will for good', () => {
    const room = new InputRoom(4 * MIB);
    const first = room.take(3 * MIB);
    expect(() => room.take(2 * MIB)).toThrow(expect.objectContaining({ code: 'QUEUE_FULL', retryAfter: 1 }));
    expect(() => room.take(4 * MIB + 1)).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', field: 'body' }));
    first.leave();
    const second = room.take(2 * MIB);
    expect(() => {
      second.take(3 * MIB);
    }).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', message: expect.stringContaining(`${5 * MIB} bytes`) }));
    second.take(2 * MIB);
    expect(room.bytes).toBe(4 * MIB);
  });

  it('has some for small ones where large ones have taken all', () => {
    const room = new InputRoom(4 * MIB);
    room.take(4 * MIB);
    expect(() => room.take(64 * 1024 + 1)).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }));
    for (let i = 0; i < 8; i++) room.take(64 * 1024);
    expect(() => room.take(1)).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }));
  });
});

/** Pictures of this side become tensors of 192 KiB. */
const SIDE = 128;
const LIMIT = 1024 * 1024;

/** A service over a model of pictures, and one of rows, whose batches end as the test says. */
class Served {
  readonly runner = new HandRunner();
  readonly room = new InputRoom(LIMIT);
  readonly service: InferenceService;
  highest = 0;

  constructor() {
    const batcher = new Batcher({ ...POLICY, maxQueueItems: 1000, maxQueueTokens: 1000 }, ROWS, this.runner, new Ledger().metrics);
    this.runner.batcher = batcher;
    const metrics: Partial<ModelMetrics> = {
      statistics: { answered: () => undefined, failed: () => undefined, missed: () => undefined } as never,
      preprocess: () => undefined,
      coalesced: () => undefined,
      saved: () => undefined,
    };
    const policy: CachePolicy = { scope: 'm', outputs: new Set(['memory']), features: new Set(), shares: {}, ttlMs: undefined };
    const common: Partial<Model> = {
      batcher,
      layout: ROWS,
      limits: new Map(),
      maxRows: 4,
      cache: policy,
      metrics: metrics as ModelMetrics,
    };
    const outputs = [{ name: 'y', type: 'float32' as const, shape: [-1] }];
    const models: Record<string, Partial<Model>> = {
      pictures: {
        ...common,
        image: Object.assign(new ImageRecipe(), { height: SIDE, width: SIDE }),
        signature: Signature.of({ inputs: [{ name: 'x', type: 'float32', shape: [-1, 3, SIDE, SIDE] }], outputs }),
        usage: new Usage(),
      },
      rows: {
        ...common,
        signature: Signature.of({ inputs: [{ name: 'x', type: 'float32', shape: [-1, 1024] }], outputs }),
        usage: new Usage(),
      },
    };
    const manager: Partial<ModelManager> = {
      use: ({ name }) => Promise.resolve({ model: models[name] as Model, release: () => undefined } as never),
    };
    const features: Partial<Features> = {
      pictures: async (_model, _recipe, { name }, _images, places) => {
        this.look();
        await setImmediate();
        return places.map(() => ({ name, datatype: 'FP32', shape: [1, 3, SIDE, SIDE], data: new Float32Array(3 * SIDE * SIDE) }));
      },
    };
    const tenants: Partial<Tenants> = { of: () => new Tenant('', undefined) };
    const cache = new CacheService(new Tiers([]), new Answers(1024), { enabled: true, perTenant: true });
    this.service = new InferenceService(
      manager as ModelManager,
      cache,
      features as Features,
      tenants as Tenants,
      {} as TenantMetrics,
      this.room,
    );
  }

  look(): void {
    this.highest = Math.max(this.highest, this.room.bytes);
  }

  /** The code with which it ended, or `undefined`. */
  ask(name: string, input: PredictionInput, call: Call): Promise<string | undefined> {
    return this.service.predict({ name }, input, [], call).then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof NestorError ? thrown.code : String(thrown)),
    );
  }

  /** Ends what runs until all requests have ended, and what they began; hashing, on other threads, takes as many turns as it does. */
  async finish(ends: readonly Promise<string | undefined>[], failing = false): Promise<(string | undefined)[]> {
    const settled = Promise.all(ends);
    let turnsLeft = Infinity;
    void settled.then(() => (turnsLeft = 20));
    while (turnsLeft-- > 0) {
      await setImmediate();
      this.look();
      for (const { inputs, finish, fail } of this.runner.running) {
        const rows = inputs[0]?.shape[0] ?? 1;
        if (failing) fail(new NestorError('WORKER_LOST', 'gone'));
        else finish({ outputs: [{ name: 'y', datatype: 'FP32', shape: [rows], data: new Float32Array(rows) }], seconds: 0.001 });
      }
    }
    return settled;
  }
}

const ROWS = { batches: true, paddedInputs: new Map<string, number>(), paddedOutputs: new Set<string>() };

describe('the room of a request', () => {
  it('is taken for its body while its model is loaded first', async () => {
    const { promise, resolve } = Promise.withResolvers<never>();
    const manager: Partial<ModelManager> = { sleeps: () => true, use: () => promise };
    const room = new InputRoom(MIB);
    const service = new InferenceService(
      manager as ModelManager,
      {} as CacheService,
      {} as Features,
      {} as Tenants,
      {} as TenantMetrics,
      room,
    );
    const lease = service.lease({ name: 'm' }, MIB, undefined);
    expect(room.bytes).toBe(MIB);
    await expect(service.lease({ name: 'm' }, MIB, undefined)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    resolve({} as never);
    await lease;
    expect(room.bytes).toBe(0);
  });

  const asked = fc.record({
    model: fc.constantFrom('pictures', 'rows'),
    /** Of equal ones the second joins the first. */
    kind: fc.integer({ min: 0, max: 2 }),
    count: fc.integer({ min: 1, max: 7 }),
    cache: fc.constantFrom('use' as const, 'refresh' as const, 'bypass' as const),
    leaves: fc.boolean(),
    late: fc.boolean(),
    wrong: fc.boolean(),
  });

  it('is given back however it ends, and all together never have more than there is', async () => {
    const seen = new Set<string | undefined>();
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { minLength: 1, maxLength: 12 }), fc.boolean(), async (requests, failing) => {
        const served = new Served();
        const cancellations: Cancellation[] = [];
        const ends = requests.map(({ model, kind, count, cache, leaves, late, wrong }) => {
          const signal = new Cancellation();
          if (leaves) cancellations.push(signal);
          const images = Array.from({ length: count }, (_, index) => Uint8Array.of(kind, index));
          const data = new Float32Array(1024 * count * 16).fill(kind);
          const tensors = [{ name: wrong ? 'z' : 'x', datatype: 'FP32' as const, shape: [count * 16, 1024], data }];
          const input: PredictionInput = model === 'rows' ? { kind: 'tensors', tensors } : { kind: 'images', images };
          const end = served.ask(model, input, { signal, cache, deadline: late ? 0 : undefined });
          served.look();
          return end;
        });
        await setImmediate();
        for (const cancellation of cancellations) cancellation.abort();
        for (const end of await served.finish(ends, failing)) seen.add(end);
        expect(served.room.bytes).toBe(0);
        expect(served.highest).toBeLessThanOrEqual(LIMIT * 1.125);
      }),
      { numRuns: 60 },
    );
    for (const end of [undefined, 'CANCELLED', 'QUEUE_FULL', 'PAYLOAD_TOO_LARGE', 'INVALID_REQUEST', 'WORKER_LOST', 'DEADLINE_EXCEEDED'])
      expect(seen).toContain(end);
  });

  it('is taken before pictures are decoded', async () => {
    const served = new Served();
    const images = (count: number): PredictionInput => ({
      kind: 'images',
      images: Array.from({ length: count }, (_, index) => Uint8Array.of(index)),
    });
    const first = served.ask('pictures', images(4), { cache: 'bypass' });
    await setImmediate();
    await expect(served.ask('pictures', images(2), { cache: 'bypass' })).resolves.toBe('QUEUE_FULL');
    await expect(served.ask('pictures', images(6), { cache: 'bypass' })).resolves.toBe('PAYLOAD_TOO_LARGE');
    await expect(served.finish([first])).resolves.toEqual([undefined]);
  });
});
