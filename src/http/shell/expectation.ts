// Expect: 100-continue: who asks before it sends its body hears the refusal of its head, and the go-ahead only where the body is to be read.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

const asking = new WeakMap<object, ServerResponse>();

/** Node would say yes to every head. */
export function holdContinue(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    asking.set(request, response);
    server.emit('request', request, response);
  });
}

/** The body of this request is read from now on. */
export function goAhead(request: object): void {
  asking.get(request)?.writeContinue();
}
