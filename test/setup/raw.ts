// Bytes on a connection, as no HTTP client would send them, and what comes back.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export class RawConnection {
  #received = '';
  #closed = false;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => (this.#received += text));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.#closed = true));
    socket.on('end', () => (this.#closed = true));
  }

  static async to(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    const connection = new RawConnection(socket);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    return connection;
  }

  /** Whether the server has ended it. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Those that are there as a whole, by their Content-Length. */
  get answers(): RawAnswer[] {
    const answers: RawAnswer[] = [];
    for (let rest = this.#received; ;) {
      const [, head = '', body = ''] = /^([\s\S]*?)\r\n\r\n([\s\S]*)$/.exec(rest) ?? [];
      const [first = '', ...lines] = head.split('\r\n');
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
      if (!status) return answers;
      const headers: Record<string, string> = {};
      for (const line of lines) headers[line.split(':', 1)[0]?.toLowerCase() ?? ''] = line.replace(/^[^:]*:\s*/, '');
      const length = Number(headers['content-length'] ?? 0);
      if (body.length < length) return answers;
      answers.push({ status, headers, text: body.slice(0, length) });
      rest = body.slice(length);
    }
  }

  write(bytes: string | Uint8Array): void {
    if (this.socket.writable) this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }
}
