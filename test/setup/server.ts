// The built server as a process of its own, on a port of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { leakIn } from './leaks.js';
import { ROOT } from './paths.js';
import { Sent } from './sent.js';
import { until } from './until.js';

const BUILT = join(ROOT, 'dist/main.js');
const BOOT_MS = 90_000;
/** What Node has compiled: a hundred boots need not do it again. */
const COMPILED = join(ROOT, 'var/test-compiled');
const LISTENING = /Server listening at (https?:\/\/[^"\s]+)/;
const GRPC_LISTENING = /gRPC server listening at ([^"\s]+)/;

/** How a process ended, and what it said on its way. */
export interface Ending {
  readonly code: number | null;
  readonly output: string;
}

export class Server {
  #url = '';
  #output = '';
  readonly #sent = new Sent();
  readonly #ended: Promise<Ending>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly env: NodeJS.ProcessEnv,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream)
        createInterface({ input: stream }).on('line', (line) => {
          this.#hear(line);
        });
    }
    this.#ended = once(child, 'close').then(([code]) => {
      this.#sent.close();
      return { code: code as number | null, output: this.#output };
    });
  }

  /** Starts it with these variables on top of a bare environment, and options of Node; it may or may not come up. */
  static launch(env: NodeJS.ProcessEnv = {}, options: readonly string[] = []): Server {
    const { PATH, HOME } = process.env;
    const all = { PATH, HOME, NODE_COMPILE_CACHE: COMPILED, PORT: '0', GRPC_PORT: '0', HOST: '127.0.0.1', ...env };
    const child = spawn(process.execPath, [...options, BUILT], { cwd: ROOT, env: all, stdio: ['ignore', 'pipe', 'pipe'] });
    return new Server(child, env);
  }

  /** Starts it and waits until it listens, which it does once every model is warm. */
  static async start(env: NodeJS.ProcessEnv = {}, options: readonly string[] = []): Promise<Server> {
    const server = Server.launch(env, options);
    await until('the server to listen', () => server.#listening(), BOOT_MS);
    return server;
  }

  get url(): string {
    return this.#url;
  }

  /** Host and port of gRPC. */
  get grpc(): string {
    const [, address] = GRPC_LISTENING.exec(this.#output) ?? [];
    if (!address) throw new Error('the server does not listen for gRPC');
    return address;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Everything that it has printed, on either stream. */
  get output(): string {
    return this.#output;
  }

  /** Bytes of it that are in RAM. */
  get residentBytes(): number {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes) * 1024;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /**
   * Resolves when the process is gone; kills it first where that takes longer than a test can wait.
   * @throws Error where it has printed a credential or anything of what was sent: every server of the suite ends here.
   */
  async ended(withinMs = 45_000): Promise<Ending> {
    const killer = setTimeout(() => this.child.kill('SIGKILL'), withinMs);
    const ending = await this.#ended;
    clearTimeout(killer);
    this.#searchForLeaks();
    return ending;
  }

  async stop(): Promise<Ending> {
    this.signal('SIGTERM');
    return this.ended();
  }

  #searchForLeaks(): void {
    const { AUDIT_LOG = '' } = this.env;
    const audit = existsSync(AUDIT_LOG) ? readFileSync(AUDIT_LOG, 'utf8') : '';
    const leak = leakIn(`${this.#output}\n${audit}`, this.#sent.texts);
    if (leak !== undefined) throw new Error(`The server with ${JSON.stringify(this.env)} has printed ${leak}`);
  }

  #hear(line: string): void {
    this.#output += `${line}\n`;
    this.#url ||= LISTENING.exec(line)?.[1] ?? '';
  }

  #listening(): true | undefined {
    if (!this.running) throw new Error(`the server did not start:\n${this.#output}`);
    return this.#url === '' ? undefined : true;
  }
}
