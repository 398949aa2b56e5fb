// The HTTP application: Fastify with raw bodies, limits, hooks and the OpenAPI document.
import type { Readable } from 'node:stream';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Logger as PinoLogger } from 'nestjs-pino';
import type { Environment } from '../config/environment.js';
import { Readiness } from '../health/readiness.js';
import { Metrics } from '../telemetry/metrics.js';
import { readBody } from './body.js';
import { addConditional } from './cache-control.js';
import { addCompression } from './compression.js';
import { addFormats } from './formats.docs.js';
import { frameworkProblem } from './problem.filter.js';
import { RouteTable } from './route-table.js';
import { addHooks, addTenants, requestId } from './hooks.js';
import { endSilentConnections } from './silent-connections.js';

/** Builds the application around a root module; it does not listen yet. */
export async function createApplication(module: new () => unknown, environment: Environment): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    skipMiddie: true,
    genReqId: requestId,
    bodyLimit: environment.BODY_LIMIT_BYTES,
    return503OnClosing: false,
    // Longer than any name, so that an unknown one is not found and not too long.
    routerOptions: { maxParamLength: 4096, ignoreTrailingSlash: true },
    frameworkErrors: frameworkProblem,
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    bufferLogs: true,
    abortOnError: false,
  });
  app.useLogger(app.get(PinoLogger));
  app.flushLogs();
  const fastify = adapter.getInstance();
  app.get(RouteTable, { strict: false }).watch(fastify);
  // Every body arrives as bytes: what they mean is the codecs' business.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', ({ headers }: FastifyRequest, payload: Readable) =>
    readBody(payload, headers, environment.BODY_LIMIT_BYTES),
  );
  addConditional(fastify);
  endSilentConnections(fastify);
  addCompression(fastify);
  addTenants(fastify, environment.CACHE_TENANT_HEADER.toLowerCase());
  addHooks(fastify, app.get(Metrics), app.get(Readiness, { strict: false }));
  describe(app);
  return app;
}

function describe(app: NestFastifyApplication): void {
  const head = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Nestor')
    .setDescription('Models behind versioned routes: predictions, embeddings, health and metrics.')
    .setVersion(process.env.npm_package_version ?? '0.1.0')
    .build();
  SwaggerModule.setup('docs', app, () => addFormats(SwaggerModule.createDocument(app, head)), {
    jsonDocumentUrl: 'openapi.json',
    customSiteTitle: 'Nestor',
  });
}
