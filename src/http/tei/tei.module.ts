// The routes of text-embeddings-inference as a module: part of the application where TEI_API is on.
import { Module } from '@nestjs/common';
import { ConfigModule } from '../../config/config.module.js';
import { ReadinessModule } from '../../health/health.module.js';
import { InferenceFromEnvironment } from '../../inference/inference-from-environment.js';
import { TeiModel } from './tei-model.js';
import { TeiController } from './tei.controller.js';
import { TeiService } from './tei.service.js';

@Module({
  imports: [ConfigModule, InferenceFromEnvironment, ReadinessModule],
  controllers: [TeiController],
  providers: [TeiModel, TeiService],
})
export class TeiModule {}
