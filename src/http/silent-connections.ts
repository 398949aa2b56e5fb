// Connections on which nothing was ever said: they must not hold up the end of the server.
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** What may still be on its way when the listener closes. */
const LAST_WORD_MS = 1000;

/**
 * Clients open connections ahead (Node's fetch does so after an abort), and Node waits for their first request until its header time-out.
 * Once the server closes they are given a second.
 */
export function endSilentConnections(fastify: FastifyInstance): void {
  const open = new Set<Socket>();
  fastify.server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  fastify.addHook('preClose', (done) => {
    setTimeout(() => {
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    }, LAST_WORD_MS).unref();
    done();
  });
}
