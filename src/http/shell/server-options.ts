// How Node's HTTP server reads requests: strictly, within limits of size and time.
import type { ServerOptions } from 'node:http';
import type { Environment } from '../../config/environment.js';

/** Node looks for expired connections this often, four times within the shortest limit. */
const CHECKS = 4;

type Limits = Pick<Environment, 'HEADER_LIMIT_BYTES' | 'HEADERS_TIMEOUT_SECONDS' | 'BODY_TIMEOUT_SECONDS'>;

/** For `http` and, where there is TLS, `https` of Fastify. */
export function serverOptions({ HEADER_LIMIT_BYTES, HEADERS_TIMEOUT_SECONDS, BODY_TIMEOUT_SECONDS }: Limits): ServerOptions {
  // Node wants the first to be no longer than the second.
  const headersTimeout = Math.min(HEADERS_TIMEOUT_SECONDS, BODY_TIMEOUT_SECONDS) * 1000;
  return {
    // Whatever NODE_OPTIONS say: leniency of a parser is how requests are smuggled.
    httpValidation: 'strict',
    // framing.ts looks at it, and answers in the words of the house.
    requireHostHeader: false,
    maxHeaderSize: HEADER_LIMIT_BYTES,
    headersTimeout,
    requestTimeout: BODY_TIMEOUT_SECONDS * 1000,
    connectionsCheckingInterval: headersTimeout / CHECKS,
  };
}
