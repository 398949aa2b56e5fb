// What a server has and a module in someone else's application has not: a log, traces, watches on the event loop and the GPU.
import { Global, Injectable, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import { Environment } from '../config/environment.js';
import { watchEventLoop } from './event-loop.js';
import { GpuMonitor } from './gpu.js';
import { createLogger } from './logger.js';
import { Metrics } from './metrics.js';
import { RequestLog } from './request-log.js';
import { openTracer } from './open-tracer.js';
import { TelemetryModule } from './telemetry.module.js';
import { Tracer } from './tracer.js';

/** Token of the process's pino logger. */
export const LOG = Symbol('LOG');

@Injectable()
class TelemetryLifecycle implements OnModuleInit, OnApplicationShutdown {
  #unwatch: (() => void) | undefined;

  constructor(
    private readonly metrics: Metrics,
    private readonly tracer: Tracer,
  ) {}

  onModuleInit(): void {
    this.#unwatch = watchEventLoop(this.metrics.eventLoopDelay.labels());
  }

  async onApplicationShutdown(): Promise<void> {
    this.#unwatch?.();
    await this.tracer.close();
  }
}

@Global()
@Module({
  imports: [TelemetryModule],
  providers: [
    { provide: LOG, useFactory: ({ LOG_LEVEL }: Environment) => createLogger(LOG_LEVEL), inject: [Environment] },
    {
      provide: RequestLog,
      useFactory: (log: Logger, { SLOW_REQUEST_MS }: Environment) => new RequestLog(log, SLOW_REQUEST_MS),
      inject: [LOG, Environment],
    },
    { provide: Tracer, useFactory: openTracer, inject: [Environment] },
    GpuMonitor,
    TelemetryLifecycle,
  ],
  exports: [LOG, RequestLog, Tracer],
})
export class ServerTelemetryModule {}
