// The door as a module: controllers and the filter that words their errors.
import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { EmbeddingsController } from './embeddings.controller.js';
import { ModelsController } from './models.controller.js';
import { PredictController } from './predict.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { RouteTable } from './route-table.js';
import { ConfigModule } from '../config/config.module.js';
import { Environment } from '../config/environment.js';
import { InferenceModule } from '../inference/inference.module.js';

const inference = InferenceModule.forRootAsync({
  useFactory: (environment: Environment) => ({ repository: environment.MODEL_REPOSITORY }),
  inject: [Environment],
});

@Module({
  imports: [ConfigModule, inference],
  controllers: [PredictController, EmbeddingsController, ModelsController],
  providers: [RouteTable, { provide: APP_FILTER, useClass: ProblemFilter }],
})
export class HttpModule {}
