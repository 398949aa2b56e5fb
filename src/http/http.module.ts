// The door as a module: controllers and the filter that words their errors.
import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { EmbeddingsController } from './embeddings.controller.js';
import { MemoryController } from './memory.controller.js';
import { ModelsController } from './models.controller.js';
import { OipModelController } from './oip/oip-model.controller.js';
import { OipRepositoryController } from './oip/oip-repository.controller.js';
import { OipServerController } from './oip/oip-server.controller.js';
import { PredictController } from './predict.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { RouteTable } from './route-table.js';
import { ConfigModule } from '../config/config.module.js';
import { Environment } from '../config/environment.js';
import { ReadinessModule } from '../health/health.module.js';
import { InferenceModule } from '../inference/inference.module.js';

const inference = InferenceModule.forRootAsync({
  useFactory: ({ MODEL_REPOSITORY, MODEL_POLL_SECONDS, CACHE_DIR, MEMORY_BUDGET_BYTES, RECYCLE_ABOVE_BYTES }: Environment) => ({
    repository: MODEL_REPOSITORY,
    pollSeconds: MODEL_POLL_SECONDS,
    cacheDir: CACHE_DIR,
    memoryBudgetBytes: MEMORY_BUDGET_BYTES,
    recycleAboveBytes: RECYCLE_ABOVE_BYTES,
  }),
  inject: [Environment],
});

@Module({
  imports: [ConfigModule, inference, ReadinessModule, TerminusModule],
  controllers: [
    PredictController,
    EmbeddingsController,
    ModelsController,
    OipServerController,
    OipRepositoryController,
    OipModelController,
    MemoryController,
  ],
  providers: [RouteTable, { provide: APP_FILTER, useClass: ProblemFilter }],
})
export class HttpModule {}
