// The model repository as a module: reads folders, keeps what serves.
import { Module, type DynamicModule } from '@nestjs/common';
import { BatchingModule } from '../batching/batching.module.js';
import type { OptionsFactory } from '../config/options-factory.js';
import { RuntimeModule } from '../runtime/runtime.module.js';
import { MemoryUpkeep } from './memory-upkeep.js';
import { MemoryBudget } from './memory-budget.js';
import { MemoryReport } from './memory-report.js';
import { ModelLoader } from './model-loader.js';
import { ModelManager } from './model-manager.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';
import { ModelRegistry } from './model-registry.js';
import { ModelRollout } from './model-rollout.js';
import { Preparation } from './preparation.js';
import { PreparationUpkeep } from './preparation-upkeep.js';
import { PreparedModels } from './prepared-models.js';
import { ModelSource } from './model-source.js';
import { RepositoryPoll } from './repository-poll.js';

@Module({})
export class ModelsModule {
  static forRootAsync({ useFactory, inject = [] }: OptionsFactory<ModelOptions>): DynamicModule {
    return {
      module: ModelsModule,
      imports: [RuntimeModule, BatchingModule],
      providers: [
        { provide: MODEL_OPTIONS, useFactory, inject },
        ModelLoader,
        ModelManager,
        ModelRollout,
        ModelSource,
        ModelRegistry,
        PreparedModels,
        Preparation,
        PreparationUpkeep,
        MemoryBudget,
        RepositoryPoll,
        MemoryUpkeep,
        MemoryReport,
      ],
      exports: [ModelManager, ModelRegistry, RepositoryPoll, MemoryUpkeep, MemoryReport],
    };
  }
}
