// An answer that refuses -> the error it means, in either dialect of the server.
import type { Answer } from './answer.js';
import { NestorError } from './error.js';
import { retryAfterMs } from './retry.js';

/** What of a foreign body is shown. */
const SHOWN = 120;

export function refusalOf(answer: Answer): NestorError {
  const { status, headers, requestId } = answer;
  const said = saidIn(answer);
  const circumstances = { status, title: said.title ?? answer.statusText, field: said.field, requestId };
  const detail = said.detail ?? `The server answered ${status}: ${answer.text().slice(0, SHOWN).trim()}`;
  return new NestorError(said.code ?? 'UNEXPECTED_STATUS', detail, { ...circumstances, retryAfterMs: retryAfterMs(headers, Date.now()) });
}

type Said = Partial<Record<'code' | 'title' | 'detail' | 'field', string | undefined>>;

/** RFC 9457's members, or those of OpenAI's envelope, which `/v1/embeddings` speaks. */
function saidIn(answer: Answer): Said {
  const body = answer.json();
  const { error } = body;
  if (typeof error !== 'object' || error === null) {
    return { code: text(body.code), title: text(body.title), detail: text(body.detail), field: text(body.field) };
  }
  const { code, message, param } = error as Record<string, unknown>;
  // OpenAI's word for one code of the server.
  const own = code === 'invalid_api_key' ? 'UNAUTHENTICATED' : text(code)?.toUpperCase();
  return { code: own, detail: text(message), field: text(param) };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
