// Readiness as a module: whatever must hold registers itself here, and the doors ask.
import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ReadinessCheck } from './readiness-check.js';
import { Readiness } from './readiness.js';

const terminus = TerminusModule.forRoot({ logger: false, errorLogStyle: 'json' });

/** The conditions of readiness, for those who know one, and whether they hold. */
@Module({ imports: [terminus], providers: [Readiness, ReadinessCheck], exports: [Readiness, ReadinessCheck, terminus] })
export class ReadinessModule {}
