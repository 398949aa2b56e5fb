// Boot: read the environment, make the application, listen, and leave in order when told to.
import 'reflect-metadata';
// Before whatever takes time.
import './runtime/first-thread.js';
import { setTimeout } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { readEnvironment, type Environment } from './config/environment.js';
import { reasonOf } from './errors.js';
import { GrpcServer } from './grpc/grpc.server.js';
import { createApplication } from './http/application.js';
import { tuneCollector } from './runtime/collector.js';
import { compileSoon } from './runtime/compiler.js';
import { RuntimeService } from './runtime/runtime.service.js';
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

/** Time for the batches that run to end, once the grace is over: a thread cannot be stopped inside ONNX Runtime. */
const LAST_BATCH_MS = 10_000;

/**
 * On SIGTERM or SIGINT: readiness goes false, what is still routed here is served for `DRAIN_SECONDS`, then the listener
 * closes, requests in flight finish, queues drain, threads end, exit 0. Past the grace it ends with what is undone, exit 1.
 * A device that failed for good is left the same way, with exit 1: whoever supervises the process starts another.
 */
function leaveWhenTold(app: NestFastifyApplication, { DRAIN_SECONDS, SHUTDOWN_GRACE_SECONDS }: Environment): void {
  const readiness = app.get(Readiness, { strict: false });
  const leave = async (): Promise<void> => {
    if (readiness.draining) return;
    readiness.drain();
    await setTimeout(DRAIN_SECONDS * 1000);
    const forced = setTimeout(SHUTDOWN_GRACE_SECONDS * 1000, 'forced', { ref: false });
    if ((await Promise.race([app.close(), forced])) !== 'forced') process.exit(readiness.condemned ? 1 : 0);
    const threads = app.get(RuntimeService, { strict: false }).close();
    await Promise.race([threads, setTimeout(LAST_BATCH_MS).then(() => process.kill(process.pid, 'SIGKILL'))]);
    process.exit(1);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void leave());
  readiness.onCondemned(() => void leave());
}

/** Behind the models: a port that is open answers. */
async function listenForGrpc(app: NestFastifyApplication): Promise<void> {
  app.connectMicroservice<MicroserviceOptions>({ strategy: app.get(GrpcServer, { strict: false }) });
  await app.startAllMicroservices();
}

let app: NestFastifyApplication | undefined;
try {
  const environment = readEnvironment(process.env);
  app = await createApplication(AppModule, environment);
  leaveWhenTold(app, environment);
  await app.init();
  tuneCollector();
  compileSoon();
  if (environment.GRPC_API) await listenForGrpc(app);
  await app.listen(environment.PORT, environment.HOST);
  const url = await app.getUrl();
  new Logger('Nestor').log(`Server listening at ${url}`);
  announce(url);
} catch (thrown) {
  // Told to leave while it loaded, the boot fails as it should, and whoever leaves ends the process.
  if (!app?.get(Readiness, { strict: false }).draining) {
    process.stderr.write(`Nestor cannot start.\n${reasonOf(thrown)}\n`);
    await app?.get(RuntimeService, { strict: false }).close();
    process.exit(1);
  }
}
