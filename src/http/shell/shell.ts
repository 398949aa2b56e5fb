// What stands between the clients and the application: the head of each request is looked at, and no connection outlives its purpose.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Connections } from './connections.js';
import { faultOf } from './framing.js';

/** @param urlLimit bytes of a request's target. */
export function addShell(fastify: FastifyInstance, connections: Connections, urlLimit: number): void {
  guard(fastify.server, connections);
  fastify.addHook('onRequest', (request, reply, done) => {
    const { raw } = request;
    if (!connections.begin(raw)) {
      reply.hijack();
      raw.resume();
      return;
    }
    const { socket } = raw;
    reply.raw.once('close', () => {
      connections.end(socket);
    });
    done(faultOf(raw, urlLimit));
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    leaveUnread(connections, request, reply);
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
}

/**
 * An answer that goes out before the body has come is the last of its connection: nobody waits for bytes that nobody reads,
 * and none of them is taken for another request.
 */
export function leaveUnread(connections: Connections, { raw }: FastifyRequest, reply: FastifyReply): void {
  if (raw.complete || !hasBody(raw)) return;
  void reply.header('Connection', 'close');
  connections.leave(raw);
}

function guard(server: Server, connections: Connections): void {
  // With TLS the first is a socket below the one that requests know.
  server.on('setSecureContext' in server ? 'secureConnection' : 'connection', (socket: Socket) => {
    connections.admit(socket);
  });
  // What is not expected by the server it may ignore (RFC 9110, section 10.1.1); Node would answer by itself.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => server.emit('request', request, response));
  // Node drops headers above a number in silence. The limit of bytes is limit enough.
  server.maxHeadersCount = 0;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
