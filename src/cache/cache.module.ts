// The cache as a module: cache-manager holds the stores; tiers, keys and flights are ours.
import { Logger, Module, type DynamicModule } from '@nestjs/common';
import { CACHE_MANAGER, CacheModule, type Cache } from '@nestjs/cache-manager';
import type { OptionsFactory } from '../config/options-factory.js';
import { CacheMetrics } from '../telemetry/cache-metrics.js';
import { Metrics } from '../telemetry/metrics.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { Answers } from './answers.js';
import { CacheService } from './cache.service.js';
import { Lease } from './lease.js';
import { CACHE_DEFAULTS, type CacheOptions } from './options.js';
import { answerBytes, openStores, type TierStore } from './stores.js';
import { Tier, type TierState } from './tier.js';
import { Tiers } from './tiers.js';

const OPTIONS = Symbol('CACHE_OPTIONS');
const STORES = Symbol('CACHE_STORES');

const logger = new Logger('Cache');

function openLogged(options: CacheOptions): TierStore[] {
  const silenced = new Set<string>();
  return openStores(options, (tier, error) => {
    // A store that is away says so at every try; once for each reason is enough.
    if (silenced.has(error.message)) return;
    silenced.add(error.message);
    logger.warn(`${tier}: ${error.message}`);
  });
}

function tiersOf(stores: readonly TierStore[], cache: Cache, { timeoutMs }: CacheOptions, metrics: CacheMetrics): Tiers {
  const onChange = ({ tier, state, reason = '' }: TierState): void => {
    if (state === 'up') logger.log(`The ${tier} tier is back`);
    else logger.warn(`The ${tier} tier is left alone (${reason}): requests go on without it`);
  };
  // It would close the stores before the listener is closed and the queues are empty; the tiers do it behind them.
  Object.assign(cache, { onModuleDestroy: undefined });
  const tiers = cache.stores.flatMap((keyv) => {
    const store = stores.find((candidate) => candidate.keyv === keyv);
    if (!store) return [];
    return [new Tier(store.name, keyv, store.holding, metrics, store.name === 'memory' ? undefined : { timeoutMs, onChange })];
  });
  return new Tiers(tiers);
}

function leaseOf(stores: readonly TierStore[], tiers: Tiers, { leaseMs }: CacheOptions): Lease | undefined {
  const shared = stores.find(({ leasing }) => leasing);
  const tier = tiers.all.find(({ name }) => name === shared?.name);
  return leaseMs > 0 && tier && shared?.leasing ? new Lease(tier, shared.leasing, leaseMs) : undefined;
}

@Module({})
class StoresModule {}

@Module({})
export class CachingModule {
  static forRootAsync({ useFactory, inject = [] }: OptionsFactory<Partial<CacheOptions>>): DynamicModule {
    const stores: DynamicModule = {
      module: StoresModule,
      providers: [
        {
          provide: OPTIONS,
          useFactory: (...values: never[]): CacheOptions => ({ ...CACHE_DEFAULTS, ...useFactory(...values) }),
          inject,
        },
        { provide: STORES, useFactory: openLogged, inject: [OPTIONS] },
      ],
      exports: [OPTIONS, STORES],
    };
    const manager = CacheModule.registerAsync({
      imports: [stores],
      useFactory: (opened: TierStore[]) => ({ stores: opened.map(({ keyv }) => keyv) }),
      inject: [STORES],
    });
    return {
      module: CachingModule,
      imports: [TelemetryModule, stores, manager],
      providers: [
        { provide: CacheMetrics, useFactory: (metrics: Metrics) => new CacheMetrics(metrics), inject: [Metrics] },
        { provide: Tiers, useFactory: tiersOf, inject: [STORES, CACHE_MANAGER, OPTIONS, CacheMetrics] },
        { provide: Answers, useFactory: (options: CacheOptions) => new Answers(answerBytes(options)), inject: [OPTIONS] },
        {
          provide: CacheService,
          useFactory: (stores: TierStore[], tiers: Tiers, answers: Answers, options: CacheOptions, metrics: CacheMetrics) => {
            const service = new CacheService(tiers, answers, options, leaseOf(stores, tiers, options));
            metrics.watchSize(() => service.states);
            return service;
          },
          inject: [STORES, Tiers, Answers, OPTIONS, CacheMetrics],
        },
      ],
      exports: [CacheService, CacheMetrics],
    };
  }
}
