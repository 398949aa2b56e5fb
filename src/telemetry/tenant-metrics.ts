// The instruments of tenants. A tenant is a label that an operator wrote, or `other`.
import type { ErrorCode } from '../errors.js';
import type { Metrics } from './metrics.js';

export class TenantMetrics {
  constructor(private readonly metrics: Metrics) {}

  /** A request that a model answered, whoever computed the answer. */
  answered(tenant: string, model: string): void {
    this.metrics.tenantRequests.inc({ tenant, model });
  }

  /** What a model computed for it. */
  computed(tenant: string, model: string, items: number, tokens: number): void {
    this.metrics.tenantItems.inc({ tenant, model }, items);
    this.metrics.tenantTokens.inc({ tenant, model }, tokens);
  }

  rejected(tenant: string, reason: ErrorCode): void {
    this.metrics.tenantRejected.inc({ tenant, reason });
  }

  /** Asks at each scrape whether quotas are counted together with other processes. */
  watchQuotas(shared: () => boolean): void {
    const gauge = this.metrics.quotasShared;
    this.metrics.atScrape.add(() => {
      gauge.set(shared() ? 1 : 0);
    });
  }
}
