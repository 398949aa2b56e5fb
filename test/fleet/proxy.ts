// nginx in front of a fleet: round robin over the servers that are ready, as a Service of Kubernetes does it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { send } from '../setup/client.js';
import { outcome } from '../setup/tools.js';
import { until } from '../setup/until.js';
import { freePort } from '../setup/port.js';

/** Kubernetes probes every five seconds; a test has less time, and DRAIN_SECONDS shrinks with it. */
const PROBE_MS = 50;

export class Proxy {
  readonly url: string;
  /** URLs of all servers that there are, ready or not. */
  readonly servers = new Set<string>();
  #ready: readonly string[] = [];
  #ends = false;
  #watching: Promise<void> = Promise.resolve();
  #nginx: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts it with no server behind. */
  static async start(): Promise<Proxy> {
    const proxy = new Proxy(await mkdtemp(join(tmpdir(), 'nestor-proxy-')), await freePort());
    await proxy.#configure();
    proxy.#nginx = spawn('nginx', proxy.#arguments(), { stdio: 'inherit' });
    await until('nginx to listen', () => send(`${proxy.url}/none`).catch(() => undefined));
    proxy.#watching = proxy.#watch();
    return proxy;
  }

  /** Resolves once requests are sent to this server, or to it no more. */
  async routes(server: string, wanted: boolean): Promise<void> {
    await until(`nginx ${wanted ? 'to route' : 'not to route'} to ${server}`, () => this.#ready.includes(server) === wanted || undefined);
  }

  async stop(): Promise<void> {
    this.#ends = true;
    await this.#watching;
    if (this.#nginx?.exitCode === null) {
      const ended = once(this.#nginx, 'exit');
      this.#nginx.kill('SIGTERM');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  #arguments(): string[] {
    return ['-p', this.folder, '-c', join(this.folder, 'nginx.conf'), '-e', join(this.folder, 'error.log')];
  }

  async #watch(): Promise<void> {
    while (!this.#ends) {
      const servers = [...this.servers];
      const answers = await Promise.all(servers.map((url) => send(`${url}/health/ready`).then(({ status }) => status === 200, () => false))); // prettier-ignore
      const ready = servers.filter((_, index) => answers[index]);
      if (ready.join() !== this.#ready.join()) {
        await this.#configure(ready);
        const { code, text } = await outcome('nginx', [...this.#arguments(), '-s', 'reload']);
        if (code !== 0) throw new Error(`nginx does not reload: ${text}`);
        this.#ready = ready;
      }
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
    }
  }

  /** Nothing is tried again elsewhere: what a server loses, the client sees. Connections to the servers are kept. */
  async #configure(servers: readonly string[] = []): Promise<void> {
    const upstream = servers.map((url) => `server ${new URL(url).host} max_fails=0;`).join(' ');
    const location = upstream
      ? `proxy_pass http://fleet; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_next_upstream off;`
      : 'return 503;';
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${this.folder}/${kind};`);
    await writeFile(
      join(this.folder, 'nginx.conf'),
      `daemon off; worker_processes 1; pid ${this.folder}/nginx.pid;${process.getuid?.() === 0 ? ' user root;' : ''}
      events { worker_connections 1024; }
      http {
        access_log off; ${temporary.join(' ')}
        ${upstream && `upstream fleet { ${upstream} keepalive 32; }`}
        server { listen 127.0.0.1:${this.port} backlog=1024; location / { ${location} } }
      }`,
    );
  }
}
