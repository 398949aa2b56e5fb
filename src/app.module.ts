// The wiring table: every module, in the order of a request's path.
import { Module } from '@nestjs/common';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { LoggerModule } from 'nestjs-pino';
import { ConfigModule } from './config/config.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';

@Module({
  imports: [
    ConfigModule,
    LoggerModule.forRoot({ useExisting: true }),
    HttpModule,
    TelemetryModule,
    PrometheusModule.register({ path: '/metrics' }),
    HealthModule,
  ],
})
export class AppModule {}
