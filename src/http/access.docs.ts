// How access reads in the OpenAPI document: what each route needs, and how it refuses.
import type { OpenAPIObject } from '@nestjs/swagger';
import type { Declared } from '../access/needs.js';
import { errorContent } from './problem.docs.js';
import type { RouteTable } from './route-table.js';

type SecuritySchemes = NonNullable<NonNullable<OpenAPIObject['components']>['securitySchemes']>;

const SCHEMES: SecuritySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key, `nst_<id>_<secret>`, or a JWT of the issuer that the server trusts.',
  },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The same, where Authorization is taken by something in front.' },
};

const CHALLENGE = { 'WWW-Authenticate': { description: '`Bearer`, as RFC 6750 says.', schema: { type: 'string' } } };

interface Operation {
  description?: string;
  security?: Record<string, string[]>[];
  responses?: Record<string, { description?: string; content?: unknown; headers?: unknown }>;
}

/** Whatever a route declares with @Needs stands in its description: schemes of OpenAPI have no place for scopes but OAuth's. */
export function addSecurity(document: OpenAPIObject, routes: RouteTable): OpenAPIObject {
  const needs = needsByOperation(routes);
  document.components = { ...document.components, securitySchemes: SCHEMES };
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item) as [string, Operation][]) {
      const need = needs.get(`${method.toUpperCase()} ${path}`);
      if (need !== undefined && need !== 'open') secure(operation, path, need.scope);
    }
  }
  return document;
}

function secure(operation: Operation, path: string, scope: string | undefined): void {
  const { responses = {}, description } = operation;
  const [refusal] = Object.entries(responses).filter(([status]) => Number(status) >= 400);
  const content = refusal?.[1].content ?? errorContent(path);
  operation.security = Object.keys(SCHEMES).map((name) => ({ [name]: [] }));
  operation.responses = {
    ...responses,
    401: { description: 'UNAUTHENTICATED', content, headers: CHALLENGE },
    403: { description: 'FORBIDDEN', content },
  };
  if (scope !== undefined) operation.description = [description, `Needs the scope \`${scope}\`.`].filter(Boolean).join(' ');
}

/** By method and path as the document writes them. */
function needsByOperation(routes: RouteTable): Map<string, Declared | undefined> {
  return new Map(
    routes.all.flatMap(({ url, methods, need }) =>
      methods.map((method) => [`${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`, need] as const),
    ),
  );
}
