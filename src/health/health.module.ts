// Health as a module: probes over whatever registered itself as a condition of readiness.
import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';

/** The conditions of readiness, for those who know one. */
@Module({ providers: [Readiness], exports: [Readiness] })
export class ReadinessModule {}

@Module({ imports: [TerminusModule.forRoot({ logger: false, errorLogStyle: 'json' }), ReadinessModule], controllers: [HealthController] })
export class HealthModule {}
