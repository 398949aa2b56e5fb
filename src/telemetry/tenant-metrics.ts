// The instruments of tenants. A tenant is a label that an operator wrote, or `other`.
import type { ErrorCode } from '../errors.js';
import type { Metrics } from './metrics.js';

export class TenantMetrics {
  constructor(private readonly metrics: Metrics) {}

  /** A request that a model answered, whoever computed the answer. */
  answered(tenant: string, model: string): void {
    this.metrics.tenantRequests.labels(tenant, model).inc();
  }

  /** What a model computed for it. */
  computed(tenant: string, model: string, items: number, tokens: number): void {
    this.metrics.tenantItems.labels(tenant, model).inc(items);
    this.metrics.tenantTokens.labels(tenant, model).inc(tokens);
  }

  rejected(tenant: string, reason: ErrorCode): void {
    this.metrics.tenantRejected.labels(tenant, reason).inc();
  }

  /** Asks at each scrape whether quotas are counted together with other processes. */
  watchQuotas(shared: () => boolean): void {
    const gauge = this.metrics.quotasShared;
    this.metrics.atScrape.add(() => {
      gauge.set(shared() ? 1 : 0);
    });
  }
}
