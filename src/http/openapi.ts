// The OpenAPI document of all routes, with what their formats and headers add to it, and the page for people that shows it.
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { VERSION } from '../config/version.js';
import { addSecurity } from './access.docs.js';
import { addFormats } from './formats.docs.js';
import { addHeaders } from './headers.docs.js';
import { RouteTable } from './route-table.js';

/** @param open nobody is asked who they are, and the document does not speak of it. */
export function describeApi(app: NestFastifyApplication, open: boolean): void {
  const routes = app.get(RouteTable, { strict: false });
  const head = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Nestor')
    .setDescription('Models behind versioned routes: predictions, embeddings, health and metrics.')
    .setVersion(VERSION)
    .build();
  const secured = (document: OpenAPIObject): OpenAPIObject => (open ? document : addSecurity(document, routes));
  SwaggerModule.setup('docs', app, () => addHeaders(secured(addFormats(SwaggerModule.createDocument(app, head)))), {
    jsonDocumentUrl: 'openapi.json',
    customSiteTitle: 'Nestor',
  });
}
