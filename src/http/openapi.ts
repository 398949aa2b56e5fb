// The OpenAPI document of all routes, with what their formats and headers add to it, and the page for people that shows it.
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { addFormats } from './formats.docs.js';
import { addHeaders } from './headers.docs.js';

export function describeApi(app: NestFastifyApplication): void {
  const head = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Nestor')
    .setDescription('Models behind versioned routes: predictions, embeddings, health and metrics.')
    .setVersion(process.env.npm_package_version ?? '0.1.0')
    .build();
  SwaggerModule.setup('docs', app, () => addHeaders(addFormats(SwaggerModule.createDocument(app, head))), {
    jsonDocumentUrl: 'openapi.json',
    customSiteTitle: 'Nestor',
  });
}
