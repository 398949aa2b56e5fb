// Errors as text-embeddings-inference words them: `{ error, error_type }`, and the statuses that its code gives them.
import { ERRORS, NestorError, type ErrorCode } from '../../errors.js';

/** Routes that want another kind of model than one that embeds. */
export type AbsentRoute = 'predict' | 'rerank' | 'embed_sparse';

const PATHS = new Set([
  ...['/', '/embed', '/embed_all', '/similarity', '/tokenize', '/decode', '/info', '/invocations', '/ping'],
  ...['/predict', '/rerank', '/embed_sparse'],
]);

export function isTeiPath(path: string): boolean {
  return PATHS.has(path) || (path.endsWith('/') && PATHS.has(path.slice(0, -1)));
}

export const ERROR_TYPES = ['Unhealthy', 'Backend', 'Overloaded', 'Validation', 'Tokenizer', 'Empty'] as const;
type ErrorType = (typeof ERROR_TYPES)[number];

/** There is nothing in the request to work on, which has a status of its own here. */
export class EmptyInput extends NestorError {
  constructor(field: string) {
    super('INVALID_REQUEST', `\`${field}\` cannot be empty`, { field });
  }
}

/** Where the status is another than the table's, https://github.com/huggingface/text-embeddings-inference/blob/main/router/src/http/server.rs. */
const STATUSES: Partial<Record<ErrorCode, number>> = { INVALID_REQUEST: 422, INFERENCE_FAILED: 424, NOT_IMPLEMENTED: 424 };

const TYPES: Readonly<Record<number, ErrorType>> = {
  424: 'Backend',
  429: 'Overloaded',
  500: 'Backend',
  503: 'Unhealthy',
  504: 'Overloaded',
};

const ABSENT: Readonly<Record<AbsentRoute, string>> = {
  predict: 'classifies or scores texts',
  rerank: 'scores pairs of texts (a reranker)',
  embed_sparse: 'has SPLADE pooling',
};

/** What text-embeddings-inference answers where its model is not of the kind that the route wants. */
export function absent(route: AbsentRoute): NestorError {
  const message = `/${route} needs a model that ${ABSENT[route]}, and Nestor serves none; there are /embed, /embed_all, /similarity, /tokenize and /decode`;
  return new NestorError('NOT_IMPLEMENTED', message);
}

export function teiStatus(error: NestorError): number {
  return error instanceof EmptyInput ? 400 : (STATUSES[error.code] ?? ERRORS[error.code].httpStatus);
}

export function teiError(error: NestorError): { error: string; error_type: ErrorType } {
  return { error: error.message, error_type: error instanceof EmptyInput ? 'Empty' : (TYPES[teiStatus(error)] ?? 'Validation') };
}
