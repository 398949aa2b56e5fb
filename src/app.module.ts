// The wiring table: every module, in the order of a request's path.
import { Module } from '@nestjs/common';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { LoggerModule } from 'nestjs-pino';
import type { Logger } from 'pino';
import { register } from 'prom-client';
import { ConfigModule } from './config/config.module.js';
import { GrpcModule } from './grpc/grpc.module.js';
import { HttpModule } from './http/http.module.js';
import { MetricsController } from './http/metrics.controller.js';
import { LOG, ServerTelemetryModule } from './telemetry/server-telemetry.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';

// Lines about requests come from one hook; nestjs-pino's middleware, which would bind a logger to each of them, has no route.
const logging = LoggerModule.forRootAsync({
  useFactory: (logger: Logger) => ({ pinoHttp: { logger }, forRoutes: [] }),
  inject: [LOG],
});

const metrics = PrometheusModule.register({
  path: '/metrics',
  controller: MetricsController,
  // Its monitor of the event loop wakes it, a hundred times a second as prom-client has it: 10 ms of every second on a slow EPYC, with nothing to do.
  defaultMetrics: { enabled: true, config: { eventLoopMonitoringPrecision: 24 * 3_600_000 } },
});
// nestor_event_loop_delay_seconds says that, in counts that can be added up.
for (const name of register.getMetricsAsArray().map(({ name }) => name))
  if (name.startsWith('nodejs_eventloop_lag_')) register.removeSingleMetric(name);
// Gauges of prom-client with the suffix of counters, which promtool refuses; the same by type have other names and stay.
for (const kind of ['handles', 'requests', 'resources']) register.removeSingleMetric(`nodejs_active_${kind}_total`);

@Module({
  imports: [ConfigModule, logging, HttpModule, GrpcModule, TelemetryModule, ServerTelemetryModule, metrics],
})
export class AppModule {}
