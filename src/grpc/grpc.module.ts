// The other door as a module: gRPC on a port of its own.
import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { ConfigModule } from '../config/config.module.js';
import { ReadinessModule } from '../health/health.module.js';
import { InferenceFromEnvironment } from '../inference/inference-from-environment.js';
import { GrpcServer } from './grpc.server.js';
import { GrpcHealthController } from './health.controller.js';
import { GrpcInferenceController } from './inference.controller.js';

@Module({
  imports: [AccessModule, ConfigModule, InferenceFromEnvironment, ReadinessModule],
  controllers: [GrpcInferenceController, GrpcHealthController],
  providers: [GrpcServer],
})
export class GrpcModule {}
