// Health as a module: probes over whatever registered itself as a condition of readiness.
import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { ReadinessCheck } from './readiness-check.js';
import { Readiness } from './readiness.js';

const terminus = TerminusModule.forRoot({ logger: false, errorLogStyle: 'json' });

/** The conditions of readiness, for those who know one, and whether they hold. */
@Module({ imports: [terminus], providers: [Readiness, ReadinessCheck], exports: [Readiness, ReadinessCheck] })
export class ReadinessModule {}

@Module({ imports: [terminus, ReadinessModule], controllers: [HealthController] })
export class HealthModule {}
