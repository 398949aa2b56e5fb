// Everything that can go wrong, by code; knows no HTTP beyond the status that its table names for the door.

interface Meaning {
  readonly httpStatus: number;
  /** Name of the gRPC status, see https://grpc.io/docs/guides/status-codes/. */
  readonly grpcStatus: string;
  /** One line for people, the same for every occurrence. */
  readonly title: string;
}

export const ERRORS = {
  INVALID_REQUEST: { httpStatus: 400, grpcStatus: 'INVALID_ARGUMENT', title: 'The request is not valid' },
  UNAUTHENTICATED: { httpStatus: 401, grpcStatus: 'UNAUTHENTICATED', title: 'Nobody that the server knows' },
  FORBIDDEN: { httpStatus: 403, grpcStatus: 'PERMISSION_DENIED', title: 'The key or token does not allow this' },
  NOT_FOUND: { httpStatus: 404, grpcStatus: 'NOT_FOUND', title: 'There is nothing here' },
  MODEL_NOT_FOUND: { httpStatus: 404, grpcStatus: 'NOT_FOUND', title: 'No such model' },
  VERSION_NOT_FOUND: { httpStatus: 404, grpcStatus: 'NOT_FOUND', title: 'No such version of the model' },
  METHOD_NOT_ALLOWED: { httpStatus: 405, grpcStatus: 'UNIMPLEMENTED', title: 'The route has no such method' },
  NOT_ACCEPTABLE: { httpStatus: 406, grpcStatus: 'INVALID_ARGUMENT', title: 'No format that the client accepts' },
  REQUEST_TIMEOUT: { httpStatus: 408, grpcStatus: 'DEADLINE_EXCEEDED', title: 'The client was too slow' },
  PAYLOAD_TOO_LARGE: { httpStatus: 413, grpcStatus: 'RESOURCE_EXHAUSTED', title: 'The body is too large' },
  URL_TOO_LONG: { httpStatus: 414, grpcStatus: 'INVALID_ARGUMENT', title: 'The URL is too long' },
  UNSUPPORTED_MEDIA_TYPE: { httpStatus: 415, grpcStatus: 'INVALID_ARGUMENT', title: 'The format is not supported' },
  QUEUE_FULL: { httpStatus: 429, grpcStatus: 'RESOURCE_EXHAUSTED', title: 'The queue is full' },
  QUOTA_EXCEEDED: { httpStatus: 429, grpcStatus: 'RESOURCE_EXHAUSTED', title: 'The quota is used up' },
  HEADERS_TOO_LARGE: { httpStatus: 431, grpcStatus: 'RESOURCE_EXHAUSTED', title: 'The headers are too large' },
  CANCELLED: { httpStatus: 499, grpcStatus: 'CANCELLED', title: 'The client went away' },
  INFERENCE_FAILED: { httpStatus: 500, grpcStatus: 'INTERNAL', title: 'The model could not run this input' },
  INTERNAL: { httpStatus: 500, grpcStatus: 'INTERNAL', title: 'Something went wrong in the server' },
  NOT_IMPLEMENTED: { httpStatus: 501, grpcStatus: 'UNIMPLEMENTED', title: 'The server does not do this' },
  MODEL_LOAD_FAILED: { httpStatus: 422, grpcStatus: 'FAILED_PRECONDITION', title: 'The model cannot be loaded' },
  MODEL_NOT_READY: { httpStatus: 503, grpcStatus: 'UNAVAILABLE', title: 'The model is not ready' },
  ISSUER_UNAVAILABLE: { httpStatus: 503, grpcStatus: 'UNAVAILABLE', title: 'Tokens cannot be verified now' },
  CACHE_UNAVAILABLE: { httpStatus: 503, grpcStatus: 'UNAVAILABLE', title: 'A tier of the cache cannot be reached' },
  DRAINING: { httpStatus: 503, grpcStatus: 'UNAVAILABLE', title: 'The server is shutting down' },
  TOO_MANY_CONNECTIONS: { httpStatus: 503, grpcStatus: 'UNAVAILABLE', title: 'There is no room for another connection' },
  WORKER_LOST: { httpStatus: 503, grpcStatus: 'UNAVAILABLE', title: 'The worker died while it served the request' },
  MEMORY_BUDGET_EXCEEDED: { httpStatus: 507, grpcStatus: 'RESOURCE_EXHAUSTED', title: 'There is no memory for the model' },
  DEADLINE_EXCEEDED: { httpStatus: 504, grpcStatus: 'DEADLINE_EXCEEDED', title: 'The deadline has passed' },
} as const satisfies Record<string, Meaning>;

export type ErrorCode = keyof typeof ERRORS;

/** Characters of a message, and of the name of a field: either may repeat what a client sent, which may be 32 MiB, several times. */
const LONGEST_MESSAGE = 2000;
const LONGEST_FIELD = 256;

/**
 * What a server under pressure says by the thousand. Where it was said is in no log, and to find that out takes V8 as long as reading the
 * request.
 */
const UNDER_PRESSURE: ReadonlySet<ErrorCode> = new Set(['QUEUE_FULL', 'QUOTA_EXCEEDED', 'DEADLINE_EXCEEDED', 'CANCELLED']);

interface Circumstances {
  /** The part of the request that is wrong, as a path: `inputs.pixels.shape`. */
  readonly field?: string;
  /** Seconds after which another try has a chance. */
  readonly retryAfter?: number;
  /** What went wrong underneath; logged, never shown to a client. */
  readonly cause?: unknown;
}

/** A failure with a code of the table. Its message is for the client: what is wrong and what to do about it. */
export class NestorError extends Error {
  readonly field: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    circumstances: Circumstances = {},
  ) {
    const { stackTraceLimit } = Error;
    if (UNDER_PRESSURE.has(code)) Error.stackTraceLimit = 0;
    super(message.slice(0, LONGEST_MESSAGE), { cause: circumstances.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'NestorError';
    this.field = circumstances.field?.slice(0, LONGEST_FIELD);
    this.retryAfter = circumstances.retryAfter;
  }
}

/** Shorthand for the commonest failure: which field of the request is wrong, and why. */
export function invalid(field: string, message: string): NestorError {
  return new NestorError('INVALID_REQUEST', message, { field });
}

/** A model that does not exist, or that the caller may not use: the two are the same to a client. */
export function noSuchModel(name: string): NestorError {
  const message = `There is no model ${JSON.stringify(name)}. GET /v1/models lists those that there are`;
  return new NestorError('MODEL_NOT_FOUND', message, { field: 'model' });
}

/** The text of whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
