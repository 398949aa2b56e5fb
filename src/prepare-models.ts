// `npm run prepare-models`: optimizes every model of the repository into CACHE_DIR/prepared, so that the first start is as fast as the others.
import 'reflect-metadata';
// Before whatever takes time.
import './runtime/first-thread.js';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigModule } from './config/config.module.js';
import { Environment } from './config/environment.js';
import { reasonOf } from './errors.js';
import { ModelsModule } from './models/models.module.js';
import { Preparation } from './models/preparation.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';

const models = ModelsModule.forRootAsync({
  useFactory: ({ MODEL_REPOSITORY, CACHE_DIR }: Environment) => ({ repository: MODEL_REPOSITORY, cacheDir: CACHE_DIR }),
  inject: [Environment],
});

@Module({ imports: [ConfigModule, TelemetryModule, models] })
class PreparationModule {}

try {
  const app = await NestFactory.createApplicationContext(PreparationModule, { logger: ['log', 'warn', 'error'], abortOnError: false });
  const counts = await app.get(Preparation, { strict: false }).run();
  process.stdout.write(`${counts.prepared} prepared, ${counts.asTheyAre} are loaded as they are\n`);
  await app.close();
} catch (thrown) {
  process.stderr.write(`The models cannot be prepared.\n${reasonOf(thrown)}\n`);
  process.exitCode = 1;
}
