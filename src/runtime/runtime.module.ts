// The runtime as a module: worker threads on the cores of the process.
import { Module } from '@nestjs/common';
import { ReadinessModule } from '../health/health.module.js';
import { RuntimeService, WORKER_URL, workerUrl } from './runtime.service.js';

@Module({
  imports: [ReadinessModule],
  providers: [RuntimeService, { provide: WORKER_URL, useFactory: workerUrl }],
  exports: [RuntimeService],
})
export class RuntimeModule {}
