// Telemetry as a module: the instruments, on the registry that /metrics shows.
import { Global, Module } from '@nestjs/common';
import { register } from 'prom-client';
import { Metrics } from './metrics.js';

let metrics: Metrics | undefined;

@Global()
@Module({
  // One set of instruments a process: prom-client's registry is global, and applications may hold several modules.
  providers: [{ provide: Metrics, useFactory: () => (metrics ??= new Metrics(register)) }],
  exports: [Metrics],
})
export class TelemetryModule {}
