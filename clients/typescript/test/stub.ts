// A server that answers what the test says, in turn, and remembers what it was asked.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Reply {
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

export interface Asked {
  readonly at: number;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** A reply, or what to do with the response instead; the last one goes on for ever. */
export type Turn = Reply | ((response: ServerResponse) => void);

export class Stub {
  readonly asked: Asked[] = [];
  #turns: readonly Turn[] = [];

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<Stub> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const stub = new Stub(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (request, response) => {
      const turn = stub.#turns[Math.min(stub.asked.length, stub.#turns.length - 1)] ?? {};
      stub.asked.push({ at: performance.now(), url: request.url ?? '', headers: request.headers });
      request.resume().once('end', () => {
        if (typeof turn === 'function') turn(response);
        else response.writeHead(turn.status ?? 200, { 'Content-Type': 'application/json', ...turn.headers }).end(turn.body ?? '');
      });
    });
    return stub;
  }

  /** Forgets what was asked before. */
  answers(...turns: readonly Turn[]): void {
    this.#turns = turns;
    this.asked.length = 0;
  }

  /** A header of each request, in order. */
  sent(header: string): (string | undefined)[] {
    return this.asked.map(({ headers }) => headers[header] as string | undefined);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
