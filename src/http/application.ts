// The HTTP application: Fastify with raw bodies, limits, hooks and the OpenAPI document.
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { Logger as PinoLogger } from 'nestjs-pino';
import { AuditLog } from '../access/audit-log.js';
import { BodyRoom } from '../access/body-room.js';
import { Gate } from '../access/gate.js';
import { modeOf } from '../access/mode.js';
import { Tls } from '../access/tls.js';
import type { Environment } from '../config/environment.js';
import { Readiness } from '../health/readiness.js';
import { InputRoom } from '../inference/input-room.js';
import { Metrics } from '../telemetry/metrics.js';
import { requestId } from '../telemetry/request-id.js';
import { RequestLog } from '../telemetry/request-log.js';
import { Tracer } from '../telemetry/tracer.js';
import { Tenants } from '../tenants/tenants.js';
import { addAccess } from './access.js';
import { readBody } from './body.js';
import { addConditional } from './cache-control.js';
import { addCompression } from './compression.js';
import { describeApi } from './openapi.js';
import { frameworkProblem } from './problem.filter.js';
import { RememberedAnswers } from './remembered-answers.js';
import { RouteTable } from './route-table.js';
import { addHooks, addTenants, type Observers } from './hooks.js';
import { addQuotas } from './quotas.js';
import { acceptAnyType } from './oip/any-type.js';
import { listenerOptions, renewCertificates } from './tls.js';
import { Connections } from './shell/connections.js';
import { addShell, begin, finish } from './shell/shell.js';
import { TeiModule } from './tei/tei.module.js';

/** Builds the application around a root module; it does not listen yet. */
export async function createApplication(module: new () => unknown, environment: Environment): Promise<NestFastifyApplication> {
  // Before anything is loaded: nothing must listen that leaves access unsaid.
  modeOf(environment);
  const connections = new Connections(environment);
  const adapter = new FastifyAdapter({
    ...listenerOptions(environment),
    requestTimeout: environment.BODY_TIMEOUT_SECONDS * 1000,
    keepAliveTimeout: environment.KEEP_ALIVE_SECONDS * 1000,
    clientErrorHandler: (error, socket) => {
      connections.refuse(error, socket);
    },
    skipMiddie: true,
    genReqId: ({ headers }: IncomingMessage) => requestId(headers['x-request-id']),
    bodyLimit: environment.BODY_LIMIT_BYTES,
    return503OnClosing: false,
    // Longer than any name, so that an unknown one is not found and not too long.
    routerOptions: { maxParamLength: 4096, ignoreTrailingSlash: true },
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      if (!begin(connections, request, reply)) return;
      finish(connections, request, reply);
      frameworkProblem(error, request, reply, observers);
    },
  });
  const root = { module, imports: environment.TEI_API ? [TeiModule] : [] };
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    bodyParser: false,
    bufferLogs: true,
    abortOnError: false,
  });
  app.useLogger(app.get(PinoLogger));
  app.flushLogs();
  const fastify = adapter.getInstance();
  addShell(fastify, connections, environment);
  app.get(RouteTable, { strict: false }).watch(fastify);
  // Every body arrives as bytes: what they mean is the codecs' business.
  fastify.removeAllContentTypeParsers();
  const room = app.get(BodyRoom, { strict: false });
  // Fastify remembers who reads a type that was named to it; whether anything fits `*` it found out anew for every request, in 2 us.
  fastify.addContentTypeParser(['application/json', '*'], ({ headers }: FastifyRequest, payload: Readable) =>
    readBody(payload, headers, environment.BODY_LIMIT_BYTES, room),
  );
  acceptAnyType(fastify);
  app.get(RememberedAnswers, { strict: false }).watch(fastify);
  addConditional(fastify);
  addCompression(fastify);
  const gate = app.get(Gate, { strict: false });
  // Where callers are asked they say it, and until they have, nobody does: what a stranger is refused is on no tenant's account.
  addTenants(fastify, gate.open ? environment.TENANT_HEADER.toLowerCase() : '');
  addAccess(fastify, { gate, audit: app.get(AuditLog, { strict: false }), certificates: environment.TLS_CLIENT_CA_FILE !== '' });
  renewCertificates(fastify, app.get(Tls, { strict: false }));
  // Behind access, which says who the tenant is.
  const tenants = app.get(Tenants, { strict: false });
  if (environment.TENANTS_FILE !== '') addQuotas(fastify, tenants);
  gate.onTenants((names) => {
    tenants.label(names);
  });
  const metrics = app.get(Metrics);
  const readiness = app.get(Readiness, { strict: false });
  const observers: Observers = { metrics, readiness, tracer: app.get(Tracer), log: app.get(RequestLog) };
  addHooks(fastify, observers);
  describeApi(app, gate.open);
  const inputs = app.get(InputRoom, { strict: false });
  metrics.atScrape.add(() => {
    metrics.arrivingBytes.set(room.bytes);
    metrics.inputBytes.set(inputs.bytes);
  });
  const logger = new Logger('Connections');
  connections.watch((code, why) => {
    metrics.rejected.labels(code).inc();
    logger.debug({ code }, why);
  });
  return app;
}
