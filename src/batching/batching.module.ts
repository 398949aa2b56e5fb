// Batching as a module: one queue a model version.
import { Module } from '@nestjs/common';
import { BatchingService } from './batching.service.js';

@Module({ providers: [BatchingService], exports: [BatchingService] })
export class BatchingModule {}
