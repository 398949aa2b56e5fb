// Vary: which headers of a request an answer depends on; several places have a reason each.
import type { FastifyReply } from 'fastify';

export function addVary(reply: FastifyReply, field: string): void {
  const before = reply.getHeader('Vary');
  void reply.header('Vary', before === undefined ? field : `${String(before)}, ${field}`);
}
