// What Node finds wrong with the bytes of a connection -> an answer of the house; nothing of the parser leaves.
import { STATUS_CODES } from 'node:http';
import { ERRORS, invalid, NestorError } from '../../errors.js';
import { requestId } from '../../telemetry/request-id.js';
import { PROBLEM } from '../dialects.js';

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

/** A whole answer, for a connection on which no request could be read; it ends the connection. */
export function lastWords(error: NestorError): string {
  const id = requestId(undefined);
  const status = ERRORS[error.code].httpStatus;
  const body = JSON.stringify(PROBLEM.bodyOf(error, { id }));
  const headers = [
    `Content-Type: ${PROBLEM.mediaType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Date: ${new Date().toUTCString()}`,
    ...(error.retryAfter === undefined ? [] : [`Retry-After: ${Math.ceil(error.retryAfter)}`]),
    'Connection: close',
    'X-Content-Type-Options: nosniff',
    `X-Request-Id: ${id}`,
  ];
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...headers, '', body].join('\r\n');
}
