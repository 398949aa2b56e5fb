// The connections of the HTTP port: how many there may be, and how long one may waste the server's time.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { Environment } from '../../config/environment.js';
import { NestorError, type ErrorCode } from '../../errors.js';
import { pathOf } from '../request-path.js';
import { lastWords, malformation, tooSlow } from './malformed.js';
import { Pace } from './pace.js';

/** What a client that was told to go may still send, so that it reads why: closed at once, TCP would throw the answer away. */
const LINGER_MS = 1000;
/** What may still be on its way when the listener closes. */
const LAST_WORD_MS = 1000;
/** When a client that found no room may try again: connections end all the time, and nobody knows which is next. */
const FULL_RETRY_SECONDS = 5;
/** So many looks at each connection before it counts as slow. */
const LOOKS = 4;

type Limits = Pick<
  Environment,
  'MAX_CONNECTIONS' | 'MAX_CONNECTIONS_PER_ADDRESS' | 'HEADER_LIMIT_BYTES' | 'SLOW_CLIENT_SECONDS' | 'SLOW_CLIENT_BYTES_PER_SECOND'
>;

/** Why a client was refused, or lost its connection. */
export type Report = (code: ErrorCode, why: string) => void;

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  readonly pace: Pace;
  /** Requests that have no answer yet. */
  unanswered: number;
  /** The one that came last. */
  request: IncomingMessage | undefined;
  /** The id under which that one is logged. */
  id: string;
  /** Whether that one has a route. */
  served: boolean;
  /** What is wrong with what it sent behind requests that are still to be answered. */
  fault: NestorError | undefined;
  /** When it is destroyed: it has had its last answer. */
  endsAt: number | undefined;
}

export class Connections {
  readonly #open = new Map<Socket, Connection>();
  /** Those without a request, the one that is so for longest first: new ones too, on which none was read yet. */
  readonly #idle = new Set<Connection>();
  readonly #byAddress = new Map<string, number>();
  readonly #tickMs: number;
  #lastTick = performance.now();
  #timer: NodeJS.Timeout | undefined;

  #report: Report = () => undefined;

  constructor(private readonly limits: Limits) {
    const { SLOW_CLIENT_SECONDS: seconds } = limits;
    this.#tickMs = seconds > 0 ? Math.min(LINGER_MS, (seconds * 1000) / LOOKS) : LINGER_MS;
  }

  /** Looks at all of them now and then, until the server is closed. */
  watch(report: Report): void {
    this.#report = report;
    this.#timer = setInterval(() => {
      this.#look(performance.now());
    }, this.#tickMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Clients open connections ahead, on which nothing was ever said: they must not hold up the end of the server for long. */
  endSilent(): void {
    setTimeout(() => {
      for (const socket of this.#open.keys()) if (socket.bytesRead === 0) socket.destroy();
    }, LAST_WORD_MS).unref();
  }

  /**
   * Lets Node close its idle connections, but for new ones, which it counts among them since version 26 (https://github.com/nodejs/node/pull/63470):
   * their first request may be on its way, and they have until `endSilent` for it.
   */
  spareNew(closeIdle: () => void): void {
    const spared = [...this.#idle].filter(({ request }) => !request).map(({ socket }) => socket);
    for (const socket of spared) socket.destroy = () => socket;
    closeIdle();
    for (const socket of spared) Reflect.deleteProperty(socket, 'destroy');
  }

  /** A new connection; at the limit another gives way, or it is closed. */
  admit(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const { MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS: most } = this.limits;
    const [longestIdle] = this.#open.size >= MAX_CONNECTIONS ? this.#idle : [];
    if (longestIdle) this.#destroy(longestIdle);
    if (this.#open.size < MAX_CONNECTIONS && (most === 0 || (this.#byAddress.get(address) ?? 0) < most)) {
      this.#add(newConnection(socket, address));
      return;
    }
    const full = new NestorError(
      'TOO_MANY_CONNECTIONS',
      'The server has as many connections as it may; try again later, or reuse those you have',
      { retryAfter: FULL_RETRY_SECONDS },
    );
    this.#report(full.code, full.message);
    socket.end(lastWords(full));
    socket.destroySoon();
  }

  /** @returns whether the request may be served: a connection that was told to go has none any more. */
  begin({ raw, id, is404 }: Pick<FastifyRequest, 'raw' | 'id' | 'is404'>): boolean {
    const connection = this.#open.get(raw.socket);
    if (!connection) return true;
    if (isOver(connection)) return false;
    connection.request = raw;
    connection.id = id;
    connection.served = !is404;
    connection.unanswered++;
    this.#idle.delete(connection);
    return true;
  }

  /** A request of this connection was answered, or will never be. */
  end(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (!connection) return;
    connection.unanswered--;
    const { fault } = connection;
    connection.fault = undefined;
    // What is at fault may be the one request that is left, whose body never comes; where there are others it waits on.
    if (fault) this.#dismiss(connection, fault);
    else if (connection.unanswered === 0) this.#idle.add(connection);
  }

  /** Lets the answer that comes now be the last: what is left of the request is thrown away, and nothing behind it is served. */
  leave(request: IncomingMessage): void {
    const connection = this.#open.get(request.socket);
    if (!connection) return;
    connection.endsAt = performance.now() + LINGER_MS;
    // Node calls it behind an answer with Connection: close.
    connection.socket.destroySoon = () => {
      connection.endsAt = performance.now() + LINGER_MS;
      connection.socket.end();
      request.resume();
    };
  }

  /** Bytes that are no request, or one that did not come in time: Node's `clientError`. */
  refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    const connection = this.#open.get(socket);
    // It goes on to read, and to fail, while the client reads the answer.
    if (connection && isOver(connection)) return;
    const fault = malformation(error.code, this.limits.HEADER_LIMIT_BYTES);
    // On a connection on which nothing was ever said there is no question.
    if (!fault || !connection || socket.bytesRead === 0) socket.destroy();
    else this.#dismiss(connection, fault);
  }

  #add(connection: Connection): void {
    const { socket, address } = connection;
    this.#open.set(socket, connection);
    this.#idle.add(connection);
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    socket.once('close', () => {
      this.#forget(connection);
    });
  }

  #destroy(connection: Connection): void {
    this.#forget(connection);
    connection.socket.destroy();
  }

  #forget(connection: Connection): void {
    const { socket, address } = connection;
    if (!this.#open.delete(socket)) return;
    this.#idle.delete(connection);
    const left = (this.#byAddress.get(address) ?? 0) - 1;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }

  /** Says why and closes: behind the answers to the requests that came before, so that it is not taken for one of them. */
  #dismiss(connection: Connection, fault: NestorError): void {
    const { socket, request, unanswered, id, served } = connection;
    const arriving = request?.complete === false ? { id, served, path: pathOf(request.url ?? '') } : undefined;
    if (unanswered > (arriving ? 1 : 0)) {
      connection.fault = fault;
      return;
    }
    this.#report(fault.code, fault.message);
    connection.endsAt = performance.now() + LINGER_MS;
    socket.end(lastWords(fault, arriving));
  }

  #look(now: number): void {
    // Where the event loop was held, no client is to blame.
    const late = now - this.#lastTick > 2 * this.#tickMs;
    this.#lastTick = now;
    for (const connection of this.#open.values()) {
      const { socket, endsAt = Infinity } = connection;
      if (now >= endsAt && socket.writableFinished) this.#destroy(connection);
      else if (this.limits.SLOW_CLIENT_SECONDS > 0) this.#judge(connection, now, late);
    }
  }

  #judge(connection: Connection, now: number, late: boolean): void {
    const { SLOW_CLIENT_SECONDS: seconds, SLOW_CLIENT_BYTES_PER_SECOND: rate } = this.limits;
    const { request, unanswered, pace } = connection;
    const sending = unanswered > 0 && request?.complete === false && !isOver(connection) ? request : undefined;
    const slow = pace.slow(now, sending, { seconds, rate }, late);
    if (slow === 'sender') this.#dismiss(connection, tooSlow());
    if (slow === 'reader') {
      this.#report('REQUEST_TIMEOUT', 'The answer is not read');
      this.#destroy(connection);
    }
  }
}

function newConnection(socket: Socket, address: string): Connection {
  const nothing = { unanswered: 0, request: undefined, id: '', served: false, fault: undefined, endsAt: undefined };
  return { socket, address, pace: new Pace(socket), ...nothing };
}

/** It is served no more: it has had its last answer, or will have it behind those that are on their way. */
function isOver({ endsAt, fault }: Connection): boolean {
  return endsAt !== undefined || fault !== undefined;
}
