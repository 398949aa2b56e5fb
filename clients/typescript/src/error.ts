// Whatever goes wrong, as one class: refused by the server, lost on the way, or not to be read.

/** Codes of the server, and three of this client. */
export type ErrorCode =
  | 'INVALID_REQUEST'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'MODEL_NOT_FOUND'
  | 'VERSION_NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_ACCEPTABLE'
  | 'REQUEST_TIMEOUT'
  | 'PAYLOAD_TOO_LARGE'
  | 'URL_TOO_LONG'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'QUEUE_FULL'
  | 'QUOTA_EXCEEDED'
  | 'HEADERS_TOO_LARGE'
  | 'INFERENCE_FAILED'
  | 'INTERNAL'
  | 'NOT_IMPLEMENTED'
  | 'MODEL_NOT_READY'
  | 'ISSUER_UNAVAILABLE'
  | 'DRAINING'
  | 'TOO_MANY_CONNECTIONS'
  | 'WORKER_LOST'
  | 'MEMORY_BUDGET_EXCEEDED'
  | 'DEADLINE_EXCEEDED'
  /** No answer came: refused, cut or unresolved. */
  | 'CONNECTION_FAILED'
  /** An answer came that is none of Nestor's. */
  | 'INVALID_ANSWER'
  /** A status without a code: something between here and the server said it. */
  | 'UNEXPECTED_STATUS'
  // Codes of servers newer than this client.
  | (string & {});

export interface Circumstances {
  /** HTTP status; undefined where no answer came. */
  readonly status?: number | undefined;
  /** One line, the same for every error of the code. */
  readonly title?: string | undefined;
  /** The part of the request that is wrong, as a path: `inputs.pixels.shape`. */
  readonly field?: string | undefined;
  readonly requestId?: string | undefined;
  /** How long the server asked to wait before another try. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** `message` and `detail` say what is wrong and what to do about it. */
export class NestorError extends Error {
  readonly status: number | undefined;
  readonly title: string;
  readonly field: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    { status, title, field, requestId, retryAfterMs, cause }: Circumstances = {},
  ) {
    super(detail, { cause });
    this.name = 'NestorError';
    this.status = status;
    this.title = title ?? code;
    this.field = field;
    this.requestId = requestId;
    this.retryAfterMs = retryAfterMs;
  }
}
