// Is the body in a format that the route understands, and the answer in one that the client does?
import type { FastifyRequest } from 'fastify';
import { NestorError } from '../errors.js';

/**
 * A body without Content-Type counts as JSON, as a missing Accept counts as "anything".
 * @throws NestorError UNSUPPORTED_MEDIA_TYPE, NOT_ACCEPTABLE
 */
export function requireJson({ headers }: FastifyRequest): void {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type && type !== 'application/json' && !type.endsWith('+json')) {
    throw new NestorError('UNSUPPORTED_MEDIA_TYPE', `${type.slice(0, 100)} is not supported; send application/json`, {
      field: 'Content-Type',
    });
  }
  const accept = headers.accept;
  if (accept && !/(application|\*)\/(json|\*|problem\+json)/i.test(accept)) {
    throw new NestorError('NOT_ACCEPTABLE', 'The answer is application/json; accept that', { field: 'Accept' });
  }
}
