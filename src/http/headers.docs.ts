// How the headers that every route has read in the OpenAPI document.
import type { OpenAPIObject } from '@nestjs/swagger';

type Description = Readonly<Record<string, unknown>>;
interface Operation {
  requestBody?: unknown;
  parameters?: Description[];
  responses?: Record<string, { headers?: Description }>;
}

/** Headers of every answer. */
const ANSWERS = {
  'X-Request-Id': { description: 'The id that the client gave, or a new one; the log has it.', schema: { type: 'string' } },
  'Server-Timing': { description: 'Where the time went, in milliseconds: `total;dur=2.1, queue;dur=0.1`.', schema: { type: 'string' } },
};

/** Headers of what is computed, or remembered. */
const RESULTS = {
  'X-Model-Version': {
    description: 'Which version answered: where the route names none, the split of the traffic may have chosen.',
    schema: { type: 'string' },
  },
  'X-Cache': {
    description: '`hit`, `miss`, `partial` or `coalesced`, with the tier: `hit; tier=memory`. Absent where nothing is remembered.',
    schema: { type: 'string' },
  },
  ETag: {
    description:
      'Of answers that may be remembered. Sent as `If-None-Match` with the same request it is answered with 304, without a body.',
    schema: { type: 'string' },
  },
};

/** Of https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10, on every answer to a tenant that has limits. */
const LIMITS = {
  'RateLimit-Policy': {
    description: 'The limits of the tenant: amount, window in seconds, and unit where it is not requests. Absent where nothing is limited.',
    schema: { type: 'string', example: '"requests-per-minute";q=600;w=60, "tokens-per-day";q=5000000;w=86400;qu="tokens"' },
  },
  RateLimit: {
    description: 'What is left of each, and the seconds until the next window.',
    schema: { type: 'string', example: '"requests-per-minute";r=12;t=23, "tokens-per-day";r=4000000;t=40000' },
  },
};

const RETRY_AFTER = { description: 'Seconds after which another try has a chance.', schema: { type: 'integer', minimum: 0 } };

const REQUEST_ID = {
  name: 'X-Request-Id',
  in: 'header',
  required: false,
  description: 'An id for the log, up to 128 letters, digits, `_`, `.`, `:` and `-`; it comes back with the answer. Another is replaced.',
  schema: { type: 'string' },
};

const ACCEPT_ENCODING = {
  name: 'Accept-Encoding',
  in: 'header',
  required: false,
  description: 'Compression of the answer, where it is worth the work: `zstd`, `gzip`, `br`, `deflate`.',
  schema: { type: 'string', example: 'gzip' },
};

/** Each is described once, among the components, and referred to by every operation. */
export function addHeaders(document: OpenAPIObject): OpenAPIObject {
  const headers = { ...ANSWERS, ...RESULTS, ...LIMITS, 'Retry-After': RETRY_AFTER };
  const parameters = { [REQUEST_ID.name]: REQUEST_ID, [ACCEPT_ENCODING.name]: ACCEPT_ENCODING };
  document.components = { ...document.components, headers, parameters } as NonNullable<OpenAPIObject['components']>;
  for (const item of Object.values(document.paths)) {
    for (const operation of Object.values(item) as Operation[]) describe(operation, Object.keys(parameters));
  }
  return document;
}

function describe(operation: Operation, parameters: readonly string[]): void {
  const references = parameters.map((name) => ({ $ref: `#/components/parameters/${name}` }));
  operation.parameters = [...(operation.parameters ?? []), ...references];
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    const names = Object.keys(ANSWERS);
    if (operation.requestBody !== undefined && status === '200') names.push(...Object.keys(RESULTS));
    if (operation.requestBody !== undefined) names.push(...Object.keys(LIMITS));
    if (['429', '503'].includes(status)) names.push('Retry-After');
    const shared = Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
    response.headers = { ...response.headers, ...shared };
  }
}
