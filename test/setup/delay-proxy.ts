// A TCP proxy that hands on what a server says only after a while.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

export class DelayProxy {
  /** Milliseconds. */
  delay = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(private readonly target: number) {
    this.#server = createServer((near) => {
      this.#join(near);
    });
  }

  static async to(port: number): Promise<DelayProxy> {
    const proxy = new DelayProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket): void {
    const far = connect(this.target, '127.0.0.1');
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    // In the order in which they came, whatever the delay has become since.
    let before: Promise<unknown> = Promise.resolve();
    far.on('data', (piece: Buffer) => {
      const late = setTimeout(this.delay);
      before = before.then(() => late).then(() => near.write(piece));
    });
  }
}
