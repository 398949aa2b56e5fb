// Inference as a module: works in anyone's Nest application, `InferenceModule.forRoot({ repository })`.
import { Injectable, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { HealthIndicatorService, TerminusModule, type HealthIndicatorResult } from '@nestjs/terminus';
import { BatchingModule } from '../batching/batching.module.js';
import { BatchingService } from '../batching/batching.service.js';
import { CachingModule } from '../cache/cache.module.js';
import { CacheService } from '../cache/cache.service.js';
import type { CacheOptions } from '../cache/options.js';
import { ReadinessModule } from '../health/health.module.js';
import { Readiness } from '../health/readiness.js';
import { MemoryUpkeep } from '../models/memory-upkeep.js';
import { ModelManager } from '../models/model-manager.js';
import type { ModelOptions } from '../models/model-options.js';
import { ModelRegistry } from '../models/model-registry.js';
import type { OptionsFactory } from '../config/options-factory.js';
import { ModelsModule } from '../models/models.module.js';
import { RepositoryPoll } from '../models/repository-poll.js';
import { RuntimeModule } from '../runtime/runtime.module.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { TenantsModule, type TenantsOptions } from '../tenants/tenants.module.js';
import { Features } from './features.js';
import { InferenceService } from './inference.service.js';
import { InputRoom } from './input-room.js';

/** Everything but the repository has a default. */
export interface InferenceOptions extends ModelOptions {
  /** By default answers are remembered in memory, see docs/caching.md. */
  readonly cache?: Partial<CacheOptions>;
  /** By default everybody is equal and nobody is limited, see docs/tenants.md. */
  readonly tenants?: TenantsOptions;
  /** Most that the inputs of all requests may hold together, in bytes; a quarter of the memory by default. */
  readonly inputsLimitBytes?: number;
}

/** Loads every model before the application listens, and ends their threads after it has stopped listening. */
@Injectable()
class ModelLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly manager: ModelManager,
    private readonly poll: RepositoryPoll,
    private readonly upkeep: MemoryUpkeep,
    private readonly models: ModelRegistry,
    private readonly batching: BatchingService,
    private readonly runtime: RuntimeService,
    private readonly readiness: Readiness,
    private readonly indicator: HealthIndicatorService,
    private readonly cache: CacheService,
  ) {}

  /** @throws Error that names the path and the reason when a model cannot load: the boot stops. */
  async onModuleInit(): Promise<void> {
    await this.poll.begin();
    this.poll.start(await this.manager.open());
    this.upkeep.start();
    this.cache.follow(() => new Set(this.models.all.map(({ cache }) => cache.scope)));
    this.readiness.register(() => this.#check());
    this.readiness.register(() => this.#cacheCheck());
    this.readiness.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.poll.stop();
    this.upkeep.stop();
    await this.batching.drained();
    await this.runtime.close();
  }

  #check(): HealthIndicatorResult {
    const check = this.indicator.check('models');
    const counts = this.models.all.map(({ name, version, instances }) => ({ id: `${name}/${version}`, ...instances.alive }));
    const workers = Object.fromEntries(counts.map(({ id, ready, wanted }) => [id, `${ready} of ${wanted} workers alive`]));
    if (counts.some(({ ready }) => ready === 0)) return check.down(workers);
    return counts.some(({ ready, wanted }) => ready < wanted) ? check.degraded(workers) : check.up(workers);
  }

  /** A tier that is away makes answers slower, never wrong: the process stays ready. */
  #cacheCheck(): HealthIndicatorResult {
    const check = this.indicator.check('cache');
    const tiers = Object.fromEntries(this.cache.states.map(({ tier, state }) => [tier, state]));
    return this.cache.states.some(({ state }) => state === 'down') ? check.degraded(tiers) : check.up(tiers);
  }
}

@Module({})
export class InferenceModule {
  static forRoot(options: InferenceOptions): DynamicModule {
    return InferenceModule.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync(options: OptionsFactory<InferenceOptions>): DynamicModule {
    const { useFactory, inject = [] } = options;
    const caching = CachingModule.forRootAsync({ useFactory: (...values: never[]) => useFactory(...values).cache ?? {}, inject });
    const tenants = TenantsModule.forRootAsync({ useFactory: (...values: never[]) => useFactory(...values).tenants, inject });
    const room = { provide: InputRoom, useFactory: (...values: never[]) => new InputRoom(useFactory(...values).inputsLimitBytes), inject };
    const models = ModelsModule.forRootAsync(options);
    return {
      module: InferenceModule,
      imports: [TelemetryModule, RuntimeModule, BatchingModule, caching, tenants, models, ReadinessModule, TerminusModule],
      providers: [ModelLifecycle, Features, room, InferenceService],
      exports: [InferenceService, models, caching, tenants],
    };
  }
}
