// Boot: read the environment, make the application, listen, and leave in order when told to.
import 'reflect-metadata';
import { setTimeout } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { readEnvironment, type Environment } from './config/environment.js';
import { reasonOf } from './errors.js';
import { createApplication } from './http/application.js';
import { Readiness } from './health/readiness.js';

/** Tells a person at a terminal where to go next. */
function announce(url: string): void {
  if (!process.stdout.isTTY && process.env.npm_lifecycle_event !== 'start') return;
  process.stdout.write(`
Nestor is ready on ${url}
  docs     ${url}/docs
  models   ${url}/v1/models
  try      curl ${url}/v1/embeddings -H 'Content-Type: application/json' -d '{"model":"all-minilm-l6-v2","input":"Hello"}'
`);
}

/**
 * On SIGTERM or SIGINT: readiness goes false, what is still routed here is served for `DRAIN_SECONDS`, then the listener
 * closes, requests in flight finish, queues drain, threads end, exit 0. Past the grace the process ends all the same.
 */
function leaveOnSignal(app: NestFastifyApplication, { DRAIN_SECONDS, SHUTDOWN_GRACE_SECONDS }: Environment): void {
  const readiness = app.get(Readiness, { strict: false });
  const leave = async (): Promise<void> => {
    if (readiness.draining) return;
    readiness.drain();
    await setTimeout(DRAIN_SECONDS * 1000);
    const forced = setTimeout(SHUTDOWN_GRACE_SECONDS * 1000, 'forced', { ref: false });
    const outcome = await Promise.race([app.close(), forced]);
    process.exit(outcome === 'forced' ? 1 : 0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void leave());
}

try {
  const environment = readEnvironment(process.env);
  const app = await createApplication(AppModule, environment);
  leaveOnSignal(app, environment);
  await app.listen(environment.PORT, environment.HOST);
  const url = await app.getUrl();
  new Logger('Nestor').log(`Server listening at ${url}`);
  announce(url);
} catch (thrown) {
  process.stderr.write(`Nestor cannot start.\n${reasonOf(thrown)}\n`);
  process.exit(1);
}
