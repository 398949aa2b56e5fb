// The id under which a request is logged and answered, whatever the door it came through.
import { randomUUID } from 'node:crypto';

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The id that the client gave in `X-Request-Id`, if it is fit to be logged and sent back, else a new one. */
export function requestId(given: unknown): string {
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
