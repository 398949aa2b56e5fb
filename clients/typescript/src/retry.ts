// Whether another try makes sense, and when.
import type { NestorError } from './error.js';

const FIRST_MS = 250;
const LONGEST_MS = 8_000;
/** A server that is gone for longer than this is news for the caller. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * `Retry-After` in milliseconds, from seconds or a date (RFC 9110, section 10.2.3). A date counts from the `Date` of the same
 * answer: clocks differ.
 * @param now milliseconds since 1970, for an answer without `Date`.
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const text = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // Date.parse takes much that is no date of HTTP, "1.5" for one.
  const date = text.endsWith('GMT') ? Date.parse(text) : NaN;
  if (Number.isNaN(date)) return undefined;
  const sent = Date.parse(headers.get('date') ?? '');
  return Math.max(0, date - (Number.isNaN(sent) ? now : sent));
}

/**
 * How long to wait before try `attempt + 1`, in milliseconds; undefined when the error would only come again. Never shorter than
 * `Retry-After`, and scattered, so that those who were refused together do not come back together.
 * @param random in [0, 1)
 */
export function pauseMs({ code, status, retryAfterMs: asked }: NestorError, attempt: number, random: number): number | undefined {
  if (code !== 'CONNECTION_FAILED' && status !== 429 && status !== 503) return undefined;
  const step = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  if (asked === undefined) return (step * (1 + random)) / 2;
  return asked > LONGEST_RETRY_AFTER_MS ? undefined : asked + step * random;
}
