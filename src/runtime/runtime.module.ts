// The runtime as a module: worker threads on the cores of the process.
import { Module } from '@nestjs/common';
import { ReadinessModule } from '../health/health.module.js';
import { RuntimeService, STARTER_URL, starterUrl } from './runtime.service.js';

@Module({
  imports: [ReadinessModule],
  providers: [RuntimeService, { provide: STARTER_URL, useFactory: starterUrl }],
  exports: [RuntimeService],
})
export class RuntimeModule {}
