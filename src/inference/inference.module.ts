// Inference as a module: works in anyone's Nest application, `InferenceModule.forRoot({ repository })`.
import { Inject, Injectable, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { HealthIndicatorService, TerminusModule, type HealthIndicatorResult } from '@nestjs/terminus';
import { BatchingModule } from '../batching/batching.module.js';
import { BatchingService } from '../batching/batching.service.js';
import { CachingModule } from '../cache/cache.module.js';
import { CacheService } from '../cache/cache.service.js';
import type { CacheOptions } from '../cache/options.js';
import { ReadinessModule } from '../health/health.module.js';
import { Readiness } from '../health/readiness.js';
import { ModelLoader } from '../models/model-loader.js';
import { ModelRegistry } from '../models/model-registry.js';
import { ModelsModule } from '../models/models.module.js';
import { scan } from '../models/repository.js';
import { RuntimeModule } from '../runtime/runtime.module.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { Features } from './features.js';
import { InferenceService } from './inference.service.js';

export interface InferenceOptions {
  /** Folder of the model repository. */
  readonly repository: string;
  /** By default answers are remembered in memory, see docs/caching.md. */
  readonly cache?: Partial<CacheOptions>;
}

const OPTIONS = Symbol('INFERENCE_OPTIONS');

/** Loads every model before the application listens, and ends their threads after it has stopped listening. */
@Injectable()
class ModelLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(OPTIONS) private readonly options: InferenceOptions,
    private readonly loader: ModelLoader,
    private readonly models: ModelRegistry,
    private readonly batching: BatchingService,
    private readonly runtime: RuntimeService,
    private readonly readiness: Readiness,
    private readonly indicator: HealthIndicatorService,
    private readonly cache: CacheService,
  ) {}

  /** @throws Error that names the path and the reason when a model cannot load: the boot stops. */
  async onModuleInit(): Promise<void> {
    const folders = await scan(this.options.repository);
    if (folders.length === 0) throw new Error(`${this.options.repository} holds no model: put one at <name>/1/model.onnx`);
    for (const folder of folders) this.models.add(await this.loader.load(folder));
    this.readiness.register(() => this.#check());
    this.readiness.register(() => this.#cacheCheck());
    this.readiness.start();
  }

  async onApplicationShutdown(): Promise<void> {
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

  static forRootAsync({
    useFactory,
    inject = [],
  }: {
    useFactory: (...values: never[]) => InferenceOptions;
    inject?: (string | symbol | (new () => unknown))[];
  }): DynamicModule {
    const caching = CachingModule.forRootAsync({ useFactory: (...values: never[]) => useFactory(...values).cache ?? {}, inject });
    return {
      module: InferenceModule,
      imports: [TelemetryModule, RuntimeModule, BatchingModule, caching, ModelsModule, ReadinessModule, TerminusModule],
      providers: [{ provide: OPTIONS, useFactory, inject }, ModelLifecycle, Features, InferenceService],
      exports: [InferenceService, ModelsModule, caching],
    };
  }
}
