// What the cache of a process may use, and what it may do for one model.
import { Environment } from '../config/environment.js';

/** The tiers, nearest first. */
export const TIERS = ['memory', 'disk', 'redis'] as const;
export type TierName = (typeof TIERS)[number];

/** The cache of a process. */
export interface CacheOptions {
  /** Off: nothing is remembered and nothing is shared, every request is computed. */
  readonly enabled: boolean;
  /** Whether what one tenant asked is never answered to another. */
  readonly perTenant: boolean;
  /** Bytes of the memory tier, keys and whole answers included. */
  readonly memoryBytes: number;
  /** Bytes of the disk tier; 0: there is none. */
  readonly diskBytes: number;
  /** Folder of the disk tier. */
  readonly directory: string;
  /** `redis://` or `rediss://`; undefined: there is no Redis tier. */
  readonly redisUrl: string | undefined;
  /** How long a request waits for a tier outside the process, in milliseconds. */
  readonly timeoutMs: number;
  /** How long one of the processes that share a Redis may keep the others waiting for a value that it computes, in milliseconds; 0: nobody waits. */
  readonly leaseMs: number;
}

export function cacheOptions(environment: Environment): CacheOptions {
  return {
    enabled: environment.CACHE,
    perTenant: environment.CACHE_SCOPE === 'tenant',
    memoryBytes: environment.CACHE_MEMORY_BYTES,
    diskBytes: environment.CACHE_DISK_BYTES,
    directory: environment.CACHE_DIR,
    redisUrl: environment.REDIS_URL || undefined,
    timeoutMs: environment.CACHE_TIMEOUT_MS,
    leaseMs: environment.CACHE_LEASE_MS,
  };
}

/** Memory alone. */
export const CACHE_DEFAULTS: CacheOptions = cacheOptions(new Environment());

/** What may be remembered of one model version. */
export interface CachePolicy {
  /** Digest of the model's content: the first part of all its keys. */
  readonly scope: string;
  /** Where its outputs may be kept; empty: they are not remembered, and equal requests are not joined. */
  readonly outputs: ReadonlySet<TierName>;
  /** Where its token ids and decoded pictures may be kept. */
  readonly features: ReadonlySet<TierName>;
  /** Bytes of a share of its own in a tier, where it has one; otherwise it competes with the other models for the whole tier. */
  readonly shares: Readonly<Partial<Record<'memory' | 'disk', number>>>;
  /** Milliseconds after which a value is forgotten; undefined: when the room is needed. */
  readonly ttlMs: number | undefined;
}
