// What Node finds wrong with the bytes of a connection -> an answer of the house; nothing of the parser leaves.
import { STATUS_CODES } from 'node:http';
import { invalid, NestorError } from '../../errors.js';
import { requestId } from '../../telemetry/request-id.js';
import { dialectOf, PROBLEM } from '../dialects.js';

/** A request whose head was read. */
export interface Arriving {
  readonly id: string;
  readonly path: string;
  /** Whether it has a route. */
  readonly served: boolean;
}

/** What a parser's error is about, where it is about one header. */
const FIELDS: readonly (readonly [RegExp, string, string])[] = [
  [/TRANSFER_ENCODING/, 'Transfer-Encoding', 'Transfer-Encoding is chunked, once, and without Content-Length'],
  [/CONTENT_LENGTH/, 'Content-Length', 'Content-Length is a number of bytes, once, and without Transfer-Encoding'],
  [/CHUNK_SIZE|STRICT|EOF/, 'body', 'The body is not framed as its headers say'],
];

/**
 * @param code of Node's error.
 * @param headerLimit bytes of a head, for the text.
 * @returns undefined where there is nobody left to answer.
 */
export function malformation(code: string | undefined, headerLimit: number): NestorError | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return tooSlow();
  if (code === 'HPE_HEADER_OVERFLOW')
    return new NestorError('HEADERS_TOO_LARGE', `The first line and the headers may have ${headerLimit} bytes together`, {
      field: 'headers',
    });
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return new NestorError('PAYLOAD_TOO_LARGE', 'The extensions of a chunk are too large; leave them out', { field: 'body' });
  if (!code?.startsWith('HPE_')) return undefined;
  const [, field = 'request', message = 'The bytes are not HTTP/1.1'] = FIELDS.find(([pattern]) => pattern.test(code)) ?? [];
  return invalid(field, message);
}

export function tooSlow(): NestorError {
  return new NestorError('REQUEST_TIMEOUT', 'The request did not arrive in time, or too slowly; send it again on a new connection');
}

/**
 * A whole answer that ends its connection.
 * @param arriving the request that it answers, in the words of its clients and under its id; undefined where none could be read.
 */
export function lastWords(error: NestorError, arriving?: Arriving): string {
  const { statusOf, mediaType, bodyOf } = arriving ? dialectOf(arriving.path, arriving.served) : PROBLEM;
  const id = arriving?.id ?? requestId(undefined);
  const status = statusOf(error);
  const body = JSON.stringify(bodyOf(error, { id }));
  const headers = [
    `Content-Type: ${mediaType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Date: ${new Date().toUTCString()}`,
    ...(error.retryAfter === undefined ? [] : [`Retry-After: ${Math.ceil(error.retryAfter)}`]),
    'Connection: close',
    'X-Content-Type-Options: nosniff',
    `X-Request-Id: ${id}`,
  ];
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...headers, '', body].join('\r\n');
}
