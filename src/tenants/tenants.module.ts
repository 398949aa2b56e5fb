// Tenants as a module: who asks, what they are due, and what they have used.
import { Module, type DynamicModule } from '@nestjs/common';
import type { OptionsFactory } from '../config/options-factory.js';
import { Metrics } from '../telemetry/metrics.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { TenantMetrics } from '../telemetry/tenant-metrics.js';
import { RedisLedger } from './ledger.js';
import { Tenants } from './tenants.js';

export interface TenantsOptions {
  /** TENANTS_FILE; empty: everybody is equal and nobody is limited. */
  readonly file: string;
  /** Where a fleet counts together; undefined: each process counts by itself. */
  readonly redisUrl: string | undefined;
  /** Milliseconds that a request waits for Redis at most. */
  readonly timeoutMs: number;
}

@Module({})
export class TenantsModule {
  static forRootAsync({ useFactory, inject = [] }: OptionsFactory<TenantsOptions | undefined>): DynamicModule {
    const OPTIONS = Symbol('TENANTS_OPTIONS');
    return {
      module: TenantsModule,
      imports: [TelemetryModule],
      providers: [
        { provide: OPTIONS, useFactory: (...values: never[]) => useFactory(...values) ?? {}, inject },
        { provide: TenantMetrics, useFactory: (metrics: Metrics) => new TenantMetrics(metrics), inject: [Metrics] },
        {
          provide: Tenants,
          useFactory: ({ file = '', redisUrl, timeoutMs = 20 }: Partial<TenantsOptions>, metrics: TenantMetrics) => {
            const ledger = file !== '' && redisUrl ? new RedisLedger(redisUrl, timeoutMs) : undefined;
            const tenants = new Tenants(file, ledger);
            if (ledger) metrics.watchQuotas(() => !ledger.away);
            return tenants;
          },
          inject: [OPTIONS, TenantMetrics],
        },
      ],
      exports: [Tenants, TenantMetrics],
    };
  }
}
