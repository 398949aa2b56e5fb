// A cache whose values are computed when the test says so, and what a test asks it.
import { Keyv } from 'keyv';
import { Registry } from 'prom-client';
import { Answers } from '../../src/cache/answers.js';
import { CacheService, type CacheMode, type Recalled } from '../../src/cache/cache.service.js';
import type { Level } from '../../src/cache/level.js';
import { MemoryStore } from '../../src/cache/memory-store.js';
import type { CachePolicy, TierName } from '../../src/cache/options.js';
import { Tier } from '../../src/cache/tier.js';
import { Tiers } from '../../src/cache/tiers.js';
import type { CancellationSignal } from '../../src/cancellation.js';
import { NestorError } from '../../src/errors.js';
import { CacheMetrics } from '../../src/telemetry/cache-metrics.js';
import { Metrics } from '../../src/telemetry/metrics.js';

const text: Level<string> = {
  name: 'text',
  encode: (value) => Buffer.from(value),
  sizeOf: ({ length }) => length,
  decode: (bytes) => Buffer.from(bytes).toString(),
};
const memory: ReadonlySet<TierName> = new Set(['memory']);
export const policy: CachePolicy = { scope: 'model', outputs: memory, features: new Set(), shares: {}, ttlMs: undefined };

interface Asking {
  readonly mode?: CacheMode;
  readonly urgency?: number;
  readonly signal?: AbortSignal;
  readonly deadline?: number;
  readonly tenant?: string;
  readonly policy?: CachePolicy;
  readonly hold?: () => () => void;
}

/** Each key's value is the key in capitals; nothing is done before it is allowed. */
export class Desk {
  readonly store = new MemoryStore(1024 * 1024);
  readonly cache: CacheService;
  readonly computed: string[][] = [];
  readonly signals: (CancellationSignal | undefined)[] = [];
  /** Waits here before it answers. */
  gate: Promise<unknown> = Promise.resolve();

  constructor() {
    const metrics = new CacheMetrics(new Metrics(new Registry()));
    const keyv = new Keyv({ store: this.store as never, serialize: undefined, deserialize: undefined, useKeyPrefix: false } as never);
    this.cache = new CacheService(new Tiers([new Tier('memory', keyv, this.store, metrics)]), new Answers(1024), {
      enabled: true,
      perTenant: true,
    });
  }

  ask(keys: string[], asking: Asking = {}): Promise<Recalled<string>[]> {
    return this.cache.recall(keys, {
      level: text,
      policy,
      tiers: memory,
      mode: 'use',
      urgency: 3,
      ...asking,
      compute: async (missing, signal) => {
        const wanted = missing.map((place) => keys[place] ?? '');
        this.computed.push(wanted);
        this.signals.push(signal);
        const { promise: abandoned, reject } = Promise.withResolvers<never>();
        signal?.addEventListener('abort', () => {
          reject(new NestorError('CANCELLED', 'The client went away'));
        });
        await Promise.race([this.gate, abandoned]);
        return wanted.map((key) => key.toUpperCase());
      },
    });
  }

  /** Holds everything that is asked from now on until it is called. */
  close(): (failure?: Error) => void {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.gate = promise;
    promise.catch(() => undefined);
    return (failure) => {
      this.gate = Promise.resolve();
      if (failure) reject(failure);
      else resolve(undefined);
    };
  }
}
