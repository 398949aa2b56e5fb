// How the routes of text-embeddings-inference read in the OpenAPI document.
import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiResponse } from '@nestjs/swagger';
import { CallHeaders } from '../predict.docs.js';
import { ERROR_TYPES } from './tei-errors.js';
import { DecodeBody, EmbedAllBody, EmbedBody, SimilarityBody, TokenizeBody } from './tei.dto.js';

interface Description {
  readonly summary: string;
  readonly body?: new () => object;
  readonly example?: unknown;
  /** None: its status says all. */
  readonly answer?: object;
  readonly statuses?: readonly number[];
  /** Whether the model runs: then it says what that took, and more can go wrong. */
  readonly computes?: boolean;
}

const VECTOR = { type: 'array', items: { type: 'number' } };
const list = (items: object): object => ({ type: 'array', items });
const text = { type: 'string' };
const integer = { type: 'integer' };
const nullable = (type: string): object => ({ type: [type, 'null'] });

const TOKEN = {
  type: 'object',
  required: ['id', 'text', 'special', 'start', 'stop'],
  properties: { id: integer, text, special: { type: 'boolean' }, start: nullable('integer'), stop: nullable('integer') },
};

const INFO = {
  type: 'object',
  required: ['model_id', 'model_dtype', 'model_type', 'max_client_batch_size', 'auto_truncate', 'version'],
  properties: {
    model_id: text,
    model_sha: nullable('string'),
    model_dtype: text,
    served_model_name: text,
    model_type: { type: 'object', properties: { embedding: { type: 'object', properties: { pooling: text } } } },
    max_concurrent_requests: integer,
    max_input_length: nullable('integer'),
    max_batch_tokens: integer,
    max_batch_requests: integer,
    max_client_batch_size: integer,
    auto_truncate: { type: 'boolean' },
    tokenization_workers: integer,
    version: text,
    sha: nullable('string'),
    docker_label: nullable('string'),
  },
};

const ROUTES = {
  embed: {
    summary: 'Embed: one vector an input',
    body: EmbedBody,
    example: { inputs: ['What is Deep Learning?', 'A sentence'], truncate: true },
    answer: list(VECTOR),
    computes: true,
  },
  embedAll: {
    summary: 'Embed: one vector a token',
    body: EmbedAllBody,
    example: { inputs: 'What is Deep Learning?' },
    answer: list(list(VECTOR)),
    computes: true,
  },
  similarity: {
    summary: 'How alike is each sentence to the source? Cosines',
    body: SimilarityBody,
    example: { inputs: { source_sentence: 'What is Deep Learning?', sentences: ['What is Machine Learning?', 'A cat'] } },
    answer: VECTOR,
    computes: true,
  },
  tokenize: {
    summary: 'Texts to tokens',
    body: TokenizeBody,
    example: { inputs: 'What is Deep Learning?' },
    answer: list(list(TOKEN)),
  },
  decode: { summary: 'Token ids to texts', body: DecodeBody, example: { ids: [101, 2023, 2003, 102] }, answer: list(text) },
  info: { summary: 'The model that is served', answer: INFO, statuses: [404, 503] },
  ping: { summary: 'May the server be sent traffic?', statuses: [503] },
} satisfies Record<string, Description>;

const COMPUTE_HEADERS = Object.fromEntries(
  [
    ['x-compute-type', 'Where it ran', text],
    ['x-compute-time', 'Milliseconds altogether', integer],
    ['x-compute-characters', 'Characters of the inputs', integer],
    ['x-compute-tokens', 'Their tokens', integer],
    ['x-total-time', 'Milliseconds altogether', integer],
    ['x-tokenization-time', 'Milliseconds until they were tokens', integer],
    ['x-queue-time', 'Milliseconds of waiting', integer],
    ['x-inference-time', 'Milliseconds of the longest run', integer],
  ].map(([name, description, schema]) => [name, { description, schema }]),
) as Record<string, { description: string; schema: object }>;

const ERROR = {
  type: 'object' as const,
  required: ['error', 'error_type'],
  properties: { error: { type: 'string' as const }, error_type: { type: 'string' as const, enum: [...ERROR_TYPES] } },
};

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'There is nothing in the request',
  404: 'There is no such model, or it is not for this caller',
  413: 'The request is too large',
  415: 'Only JSON is understood',
  422: 'The request is not valid',
  424: 'The model could not run this input',
  429: 'The queue is full; Retry-After says when there is room',
  500: 'Something went wrong in the server',
  503: 'The model is not ready, or the server is shutting down',
  504: 'The deadline has passed',
};

const ofBody = (computes: boolean): number[] => [400, 404, 413, 415, 422, 424, 500, 503, ...(computes ? [429, 504] : [])];

export function DescribeTei(route: keyof typeof ROUTES): MethodDecorator {
  const { summary, body, example, answer, computes = false, statuses = ofBody(computes) }: Description = ROUTES[route];
  return applyDecorators(
    ApiOperation({ summary }),
    ...(computes ? [CallHeaders()] : []),
    ...(body ? [ApiBody({ type: body, examples: { example: { value: example } } })] : []),
    ApiOkResponse({ description: summary, ...(answer && { schema: answer }), ...(computes && { headers: COMPUTE_HEADERS }) }),
    ...statuses.map((status) =>
      ApiResponse({ status, description: MEANINGS[status] ?? '', content: { 'application/json': { schema: ERROR } } }),
    ),
  );
}
