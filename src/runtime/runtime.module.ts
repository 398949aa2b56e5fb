// The runtime as a module: worker threads on the cores of the process.
import { Module } from '@nestjs/common';
import { ReadinessModule } from '../health/health.module.js';
import { threads } from './first-thread.js';
import { RuntimeService } from './runtime.service.js';
import { WorkerThreads } from './worker-threads.js';

@Module({
  imports: [ReadinessModule],
  providers: [RuntimeService, { provide: WorkerThreads, useValue: threads }],
  exports: [RuntimeService],
})
export class RuntimeModule {}
