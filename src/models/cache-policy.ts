// What model.yaml says about remembering, as the cache takes it.
import { TIERS, type CachePolicy, type TierName } from '../cache/options.js';
import type { Manifest } from './manifest.js';

const NOWHERE: ReadonlySet<TierName> = new Set();
const IN_MEMORY: ReadonlySet<TierName> = new Set(['memory']);

/**
 * @param scope digest of the model's content.
 * @param repeatable whether the warm-up found the same answer twice: what counts where model.yaml does not say.
 */
export function cachePolicy({ deterministic, cache = {} }: Manifest, scope: string, repeatable = true): CachePolicy {
  const tiers = new Set(TIERS.filter((tier) => cache[tier] ?? true));
  return {
    scope,
    outputs: (deterministic ?? repeatable) ? tiers : NOWHERE,
    features: cache.features ? IN_MEMORY : NOWHERE,
    shares: {
      ...(cache.memoryBytes !== undefined && { memory: cache.memoryBytes }),
      ...(cache.diskBytes !== undefined && { disk: cache.diskBytes }),
    },
    ttlMs: cache.ttl === undefined ? undefined : cache.ttl * 1000,
  };
}
