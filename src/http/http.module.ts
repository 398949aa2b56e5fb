// The door as a module: controllers and the filter that words their errors.
import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { CacheController } from './cache.controller.js';
import { EmbeddingsController } from './embeddings.controller.js';
import { HealthController } from './health.controller.js';
import { MemoryController } from './memory.controller.js';
import { ModelsController } from './models.controller.js';
import { OipModelController } from './oip/oip-model.controller.js';
import { OipRepositoryController } from './oip/oip-repository.controller.js';
import { OipServerController } from './oip/oip-server.controller.js';
import { PredictController } from './predict.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { RememberedAnswers } from './remembered-answers.js';
import { RouteTable } from './route-table.js';
import { AccessModule } from '../access/access.module.js';
import { ConfigModule } from '../config/config.module.js';
import { ReadinessModule } from '../health/health.module.js';
import { InferenceFromEnvironment } from '../inference/inference-from-environment.js';

@Module({
  imports: [AccessModule, ConfigModule, InferenceFromEnvironment, ReadinessModule],
  controllers: [
    CacheController,
    MemoryController,
    PredictController,
    EmbeddingsController,
    HealthController,
    ModelsController,
    OipServerController,
    OipRepositoryController,
    OipModelController,
  ],
  providers: [RememberedAnswers, RouteTable, { provide: APP_FILTER, useClass: ProblemFilter }],
})
export class HttpModule {}
