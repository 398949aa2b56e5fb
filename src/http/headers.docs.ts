// How the headers that every route has read in the OpenAPI document.
import type { OpenAPIObject } from '@nestjs/swagger';

type Description = Readonly<Record<string, unknown>>;
interface Response {
  description: string;
  headers?: Description;
}
interface Operation {
  requestBody?: unknown;
  parameters?: Description[];
  responses?: Record<string, Response>;
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
};

/** Of those, whose requests may name it. */
const VALIDATOR = {
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

/** Routes whose answers are remembered as a whole. */
const REMEMBERED = /\/(predict|infer|embeddings)$/;

/** What their requests may say of it. */
const CACHE = {
  'If-None-Match': {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description: 'The `ETag` of an answer to the same request: where it would be that answer again, 304 comes without a body.',
    schema: { type: 'string' },
  },
  'Cache-Control': {
    name: 'Cache-Control',
    in: 'header',
    required: false,
    description:
      '`no-cache` (or `max-age=0`): computed anew, and remembered. `no-store`: computed anew, and neither remembered nor shared.',
    schema: { type: 'string', example: 'no-cache' },
  },
};
const NOT_MODIFIED = 'The client has this answer: `If-None-Match` names it. Without a body.';

/** Each is described once, among the components, and referred to by every operation. */
export function addHeaders(document: OpenAPIObject): OpenAPIObject {
  const headers = { ...ANSWERS, ...RESULTS, ...VALIDATOR, ...LIMITS, 'Retry-After': RETRY_AFTER };
  const parameters = { [REQUEST_ID.name]: REQUEST_ID, [ACCEPT_ENCODING.name]: ACCEPT_ENCODING, ...CACHE };
  document.components = { ...document.components, headers, parameters } as NonNullable<OpenAPIObject['components']>;
  for (const [path, item] of Object.entries(document.paths)) {
    for (const operation of Object.values(item) as Operation[]) describe(operation, REMEMBERED.test(path));
  }
  return document;
}

function describe(operation: Operation, remembered: boolean): void {
  const parameters = [REQUEST_ID.name, ACCEPT_ENCODING.name, ...(remembered ? Object.keys(CACHE) : [])];
  if (remembered && operation.responses) operation.responses[304] = { description: NOT_MODIFIED };
  const references = parameters.map((name) => ({ $ref: `#/components/parameters/${name}` }));
  operation.parameters = [...(operation.parameters ?? []), ...references];
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    const names = Object.keys(ANSWERS);
    if (operation.requestBody !== undefined && ['200', '304'].includes(status)) names.push(...Object.keys(RESULTS));
    if (remembered && ['200', '304'].includes(status)) names.push(...Object.keys(VALIDATOR));
    if (operation.requestBody !== undefined) names.push(...Object.keys(LIMITS));
    if (['429', '503'].includes(status)) names.push('Retry-After');
    const shared = Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
    response.headers = { ...response.headers, ...shared };
  }
}
