// What a client of gRPC may take of the server: the options of @grpc/grpc-js, and the connections, of which it keeps no count.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { ServerOptions } from '@grpc/grpc-js';
import type { Environment } from '../config/environment.js';

/** A client that is silent for so long is asked whether it is still there ... */
const KEEPALIVE_MS = 60_000;
/** ... and has so long to say so. */
const KEEPALIVE_ANSWER_MS = 20_000;
/** At the limit a connection gives way on which nothing came for so long. */
const SILENT_MS = 60_000;
const LOOK_EVERY_MS = 1000;

type Limits = Pick<
  Environment,
  'BODY_LIMIT_BYTES' | 'GRPC_MAX_STREAMS' | 'GRPC_IDLE_SECONDS' | 'MAX_CONNECTIONS' | 'MAX_CONNECTIONS_PER_ADDRESS'
>;

/** Metadata have the 64 KiB that Node's HTTP/2 gives them. */
export function serverOptions({ BODY_LIMIT_BYTES, GRPC_MAX_STREAMS, GRPC_IDLE_SECONDS }: Limits): ServerOptions {
  return {
    'grpc.max_receive_message_length': BODY_LIMIT_BYTES,
    'grpc.max_concurrent_streams': GRPC_MAX_STREAMS,
    'grpc.max_connection_idle_ms': GRPC_IDLE_SECONDS * 1000,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_ANSWER_MS,
  };
}

interface Heard {
  bytes: number;
  at: number;
}

/** The connections of one port. Node tells of every connection of the process: the server itself is a secret of the library. */
export class GrpcConnections {
  /** The one that was silent for longest is found by a look at all; that is rare, at the limit only. */
  readonly #open = new Map<Socket, Heard>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly limits: Limits,
    private readonly refused: () => void,
  ) {}

  /** @param port that is theirs. */
  watch(port: number): () => void {
    const admit = (message: unknown): void => {
      const { socket } = message as { socket: Socket };
      if (socket.localPort === port) this.#admit(socket);
    };
    subscribe('net.server.socket', admit);
    this.#timer = setInterval(() => {
      this.#listen(performance.now());
    }, LOOK_EVERY_MS).unref();
    return () => {
      unsubscribe('net.server.socket', admit);
      clearInterval(this.#timer);
    };
  }

  #admit(socket: Socket): void {
    const { MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS: most } = this.limits;
    const now = performance.now();
    if (this.#open.size >= MAX_CONNECTIONS) this.#giveWay(now);
    const crowded = most > 0 && [...this.#open.keys()].filter(({ remoteAddress }) => remoteAddress === socket.remoteAddress).length >= most;
    if (this.#open.size >= MAX_CONNECTIONS || crowded) {
      this.refused();
      socket.destroy();
      return;
    }
    this.#open.set(socket, { bytes: 0, at: now });
    socket.once('close', () => this.#open.delete(socket));
  }

  #giveWay(now: number): void {
    const [silent, heard] = [...this.#open].reduce((one, other) => (other[1].at < one[1].at ? other : one));
    if (now - heard.at < SILENT_MS) return;
    this.#open.delete(silent);
    silent.destroy();
  }

  #listen(now: number): void {
    for (const [socket, heard] of this.#open) {
      if (socket.bytesRead === heard.bytes) continue;
      heard.bytes = socket.bytesRead;
      heard.at = now;
    }
  }
}
