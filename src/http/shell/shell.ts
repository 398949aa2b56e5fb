// What stands between the clients and the application: the head of each request is looked at, and no connection outlives its purpose.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Environment } from '../../config/environment.js';
import { addPolicies, harden } from './browsers.js';
import type { Connections } from './connections.js';
import { holdContinue } from './expectation.js';
import { faultOf } from './framing.js';

type Limits = Pick<Environment, 'URL_LIMIT_BYTES' | 'CORS_ORIGINS' | 'MAX_CONNECTIONS'>;

/** Before any route is added. */
export function addShell(fastify: FastifyInstance, connections: Connections, limits: Limits): void {
  const { URL_LIMIT_BYTES, CORS_ORIGINS, MAX_CONNECTIONS } = limits;
  guard(fastify.server, connections, MAX_CONNECTIONS);
  fastify.addHook('onRequest', (request, reply, done) => {
    if (!begin(connections, request, reply)) return;
    const { raw } = request;
    const fault = faultOf(raw, URL_LIMIT_BYTES);
    // Behind an upgrade that is not made Node reads nothing more; behind a head that is refused nothing is to be trusted.
    if (fault || raw.headers.upgrade !== undefined) leave(connections, raw, reply);
    done(fault);
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    finish(connections, request, reply);
    done(null, payload);
  });
  fastify.addHook('preClose', (done) => {
    connections.endSilent();
    done();
  });
  fastify.addHook('onClose', (_, done) => {
    connections.close();
    done();
  });
  addPolicies(fastify, CORS_ORIGINS);
}

/**
 * An answer that goes out before the body has come is the last of its connection: nobody waits for bytes that nobody reads,
 * and none of them is taken for another request.
 */
function leaveUnread(connections: Connections, { raw }: FastifyRequest, reply: FastifyReply): void {
  if (!raw.complete && hasBody(raw)) leave(connections, raw, reply);
}

function leave(connections: Connections, raw: IncomingMessage, reply: FastifyReply): void {
  void reply.header('Connection', 'close');
  connections.leave(raw);
}

/** @returns whether the request may be served; whoever gives an answer before there is a route asks, too. */
export function begin(connections: Connections, request: FastifyRequest, reply: FastifyReply): boolean {
  const { raw } = request;
  if (!connections.begin(request)) {
    reply.hijack();
    raw.resume();
    return false;
  }
  const { socket } = raw;
  // It closes once: `once` would make an object and take it out of a list again, here and for each of the others who listen for it.
  reply.raw.on('close', () => {
    connections.end(socket);
  });
  return true;
}

/** What every answer gets; of those that are given before there is a route, whoever gives them asks for it. */
export function finish(connections: Connections, request: FastifyRequest, reply: FastifyReply): void {
  harden(reply);
  leaveUnread(connections, request, reply);
}

function guard(server: Server, connections: Connections, mostConnections: number): void {
  const secure = 'setSecureContext' in server;
  // With TLS the first is a socket below the one that requests know.
  server.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => {
    connections.admit(socket);
  });
  // As many again may be amid their handshake, of which nobody else knows.
  if (secure) server.maxConnections = 2 * mostConnections;
  const closeIdle = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    connections.spareNew(closeIdle);
  };
  holdContinue(server);
  // What is not expected by the server it may ignore (RFC 9110, section 10.1.1); Node would answer by itself.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => server.emit('request', request, response));
  // Node drops headers above a number in silence. The limit of bytes is limit enough.
  server.maxHeadersCount = 0;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
