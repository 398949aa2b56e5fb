// TLS of the HTTP listener.
import type { ServerOptions } from 'node:http';
import type { ServerOptions as SecureServerOptions } from 'node:https';
import type { Server } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { readCertificates, type Certificates, type Tls } from '../access/tls.js';
import type { Environment } from '../config/environment.js';
import { serverOptions } from './shell/server-options.js';

/**
 * Options of Fastify: plain text, or TLS. A client without a certificate is let in as far as its handshake: probes
 * have none, and every route that is not open refuses it.
 * @throws Error that names the variable of a file that is missing or wrong.
 */
export function listenerOptions(environment: Environment): { http: ServerOptions } | { https: SecureServerOptions } {
  const http = serverOptions(environment);
  const certificates = readCertificates(environment);
  if (!certificates) return { http };
  const clients = { requestCert: certificates.ca !== undefined, rejectUnauthorized: false };
  return { https: { ...http, ...contextOf(certificates), ...clients, handshakeTimeout: http.headersTimeout } };
}

/** Connections from now on see the certificates that the files hold now. */
export function renewCertificates({ server }: FastifyInstance, tls: Tls): void {
  if (!tls.current) return;
  tls.onChange((certificates) => {
    (server as unknown as Server).setSecureContext(contextOf(certificates));
  });
}

function contextOf({ cert, key, ca }: Certificates) {
  return { cert, key, ca, minVersion: 'TLSv1.2' as const };
}
