// How an error reads to the clients of a route: every family of routes has the words and the statuses that its clients know.
import { ERRORS, type NestorError } from '../errors.js';
import { isTeiPath, teiError, teiStatus } from './tei/tei-errors.js';

/** What a body says of the request that it answers. */
interface Identified {
  readonly id: string;
}

export interface Dialect {
  readonly mediaType: string;
  readonly statusOf: (error: NestorError) => number;
  readonly bodyOf: (error: NestorError, request: Identified) => object;
}

const statusOf = ({ code }: NestorError): number => ERRORS[code].httpStatus;

/** RFC 9457. */
export const PROBLEM: Dialect = { mediaType: 'application/problem+json', statusOf, bodyOf: problem };

/** The same with the string that clients of the Open Inference Protocol read. */
const OIP: Dialect = { ...PROBLEM, bodyOf: (error, request) => ({ ...problem(error, request), error: error.message }) };

const OPENAI: Dialect = { mediaType: 'application/json; charset=utf-8', statusOf, bodyOf: openAiError };

const TEI: Dialect = { mediaType: 'application/json; charset=utf-8', statusOf: teiStatus, bodyOf: teiError };

/** @param served whether there is such a route: those of text-embeddings-inference are there only when they are switched on. */
export function dialectOf(path: string, served: boolean): Dialect {
  if (path.startsWith('/v1/embeddings')) return OPENAI;
  if (path.startsWith('/v2')) return OIP;
  return served && isTeiPath(path) ? TEI : PROBLEM;
}

function problem(error: NestorError, request: Identified): object {
  const { code, message, field } = error;
  return {
    type: 'about:blank',
    title: ERRORS[code].title,
    status: statusOf(error),
    detail: message,
    code,
    ...(field && { field }),
    instance: `urn:request:${request.id}`,
  };
}

/** The envelope that OpenAI's clients read, https://platform.openai.com/docs/guides/error-codes. */
function openAiError(error: NestorError): object {
  const { message, field = null, code } = error;
  const status = statusOf(error);
  const refused = status === 401 && { type: 'authentication_error', code: 'invalid_api_key' };
  const type = status === 429 ? 'rate_limit_exceeded' : status >= 500 ? 'server_error' : 'invalid_request_error';
  return { error: { message, type, param: field, code: code.toLowerCase(), ...refused } };
}
