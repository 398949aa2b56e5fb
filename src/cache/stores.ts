// Which tiers there are, and what is behind each: what cache-manager is given, nearest first.
import { KeyvAdapter } from 'cache-manager';
import { Keyv } from 'keyv';
import { DiskStore } from './disk-store.js';
import type { Leasing } from './lease.js';
import { MemoryStore } from './memory-store.js';
import type { CacheOptions, TierName } from './options.js';
import { NAMESPACE, redisStore } from './redis-store.js';
import type { Holding } from './tier.js';

/** Whole answers take this part of the memory, values the rest. */
const ANSWERS_PART = 1 / 4;

export interface TierStore {
  readonly name: TierName;
  readonly keyv: Keyv;
  readonly holding: Holding;
  /** Where processes share it. */
  readonly leasing?: Leasing;
}

export function answerBytes({ memoryBytes, enabled }: CacheOptions): number {
  return enabled ? Math.floor(memoryBytes * ANSWERS_PART) : 0;
}

/** @param onError what a tier has to say while nobody asks it anything. */
export function openStores(options: CacheOptions, onError: (tier: TierName, error: Error) => void): TierStore[] {
  const { enabled, memoryBytes, diskBytes, directory, redisUrl } = options;
  const stores: TierStore[] = [];
  if (!enabled) return stores;
  if (memoryBytes > 0) {
    const memory = new MemoryStore(memoryBytes - answerBytes(options));
    stores.push({ name: 'memory', keyv: raw(memory, false), holding: memory });
  }
  if (diskBytes > 0) {
    const disk = new DiskStore(directory, diskBytes);
    stores.push({ name: 'disk', keyv: raw(disk, false), holding: disk });
  }
  if (redisUrl) {
    const redis = redisStore(redisUrl, (error) => {
      onError('redis', error);
    });
    stores.push({ name: 'redis', keyv: raw(new KeyvAdapter(redis), true), holding: redis, leasing: redis });
  }
  return stores;
}

/** Values as they are, without JSON, and failures as exceptions. */
function raw(store: Keyv['store'], useKeyPrefix: boolean): Keyv {
  return new Keyv({
    store: store as unknown,
    serialize: undefined,
    deserialize: undefined,
    throwOnErrors: true,
    namespace: NAMESPACE,
    useKeyPrefix,
  } as ConstructorParameters<typeof Keyv>[0]);
}
