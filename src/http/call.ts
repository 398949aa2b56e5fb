// The circumstances of a call, from its headers and its connection.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Cancellation } from '../cancellation.js';
import { invalid } from '../errors.js';
import type { Call } from '../inference/prediction.js';
import { Timeline } from '../telemetry/timeline.js';
import { cacheModeOf } from './cache-control.js';

/** Nobody waits longer for an answer. */
export const LONGEST_SECONDS = 3600;

/**
 * `Request-Timeout: <seconds>` sets the deadline, `Priority: u=<0-7>` the urgency (RFC 9218), and a client that hangs up
 * takes what it asked for out of the queue. `Cache-Control` says what it wants of the cache.
 * @throws NestorError INVALID_REQUEST
 */
export function callOf(request: FastifyRequest, reply: FastifyReply): Call {
  const signal = new Cancellation();
  if (reply.raw.destroyed) signal.abort();
  reply.raw.on('close', () => {
    if (!reply.raw.writableFinished) signal.abort();
  });
  request.timeline = new Timeline(performance.now(), request.trace ?? undefined);
  return {
    signal,
    deadline: deadlineOf(request, reply),
    urgency: urgencyOf(header(request, 'priority')),
    timeline: request.timeline,
    cache: cacheModeOf(request.headers['cache-control']),
    tenant: request.tenant,
    // They were read from the body of this request, which is nobody else's.
    ownsInput: true,
  };
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * Counted from when the request came: what it waits for until it is understood, such as a model that is loaded for it, is waited for as well.
 * @throws NestorError INVALID_REQUEST
 */
export function deadlineOf(request: FastifyRequest, { elapsedTime }: FastifyReply): number | undefined {
  const text = header(request, 'request-timeout');
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= LONGEST_SECONDS))
    throw invalid('Request-Timeout', `Request-Timeout is a number of seconds, above 0 and at most ${LONGEST_SECONDS}`);
  return performance.now() - elapsedTime + seconds * 1000;
}

/** What is out of range counts as not given (RFC 9218, section 4). */
function urgencyOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const urgency = /(?:^|[,\s])u=([0-7])(?![\d.])/.exec(text)?.[1];
  return urgency === undefined ? undefined : Number(urgency);
}
