// The instruments of the cache, bound to the labels that they are used with.
import type { Metrics } from './metrics.js';

type Result = 'hit' | 'miss' | 'error';

export class CacheMetrics {
  constructor(private readonly metrics: Metrics) {}

  /** Counts keys that a tier was asked for. */
  asked(tier: string, level: string, result: Result, keys = 1): void {
    if (keys > 0) this.metrics.cacheRequests.labels(tier, level, result).inc(keys);
  }

  took(tier: string, operation: 'read' | 'write', seconds: number): void {
    this.metrics.cacheDuration.labels(tier, operation).observe(seconds);
  }

  garbage(tier: string): void {
    this.metrics.cacheGarbage.labels(tier).inc();
  }

  /** Asks for the size at each scrape. */
  watchSize(tiers: () => readonly { readonly tier: string; readonly bytes?: number }[]): void {
    const gauge = this.metrics.cacheSize;
    // prom-client calls it before it writes; set here, so that one gauge shows all tiers of the applications of a process.
    Object.assign(gauge, {
      collect: () => {
        for (const { tier, bytes } of tiers()) if (bytes !== undefined) gauge.set({ tier }, bytes);
      },
    });
  }
}
