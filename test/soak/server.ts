// The built server under the soak: started on a free port, watched from outside, and able to lose a worker thread on demand.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { leakIn } from '../setup/leaks.ts';

const ROOT = join(import.meta.dirname, '../..');
const LISTENING = /Server listening at (http:\/\/[^"\s]+)/;
const preload = (file: string): string => join(ROOT, 'test/fixtures/preload', file);
/** Arguments of Node that give the server an ear for SIGUSR2: one of its threads dies, or its garbage is collected. */
const EARS = {
  killWorker: ['--import', preload('kill-worker.mjs')],
  collectGarbage: ['--expose-gc', '--import', preload('collect-garbage.mjs')],
};

export class Server {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #leak: () => string | undefined;

  private constructor(process: ChildProcess, url: string, leak: () => string | undefined) {
    this.#process = process;
    this.url = url;
    this.#leak = leak;
    this.#ended = once(process, 'close');
  }

  /** @throws Error with what the server said when it ends before it listens. */
  static async start(environment: Readonly<Record<string, string>> = {}, ear: keyof typeof EARS = 'killWorker'): Promise<Server> {
    const server = spawn(process.execPath, [...EARS[ear], join(ROOT, 'dist/main.js')], {
      cwd: ROOT,
      // What glibc is told is that of `npm start` and of the image.
      env: {
        ...process.env,
        MALLOC_ARENA_MAX: '2',
        MALLOC_MMAP_THRESHOLD_: '4194304',
        MALLOC_TRIM_THRESHOLD_: '67108864',
        PORT: '0',
        GRPC_PORT: '0',
        HOST: '127.0.0.1',
        LOG_LEVEL: 'info',
        CACHE: 'off',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    process.once('exit', () => server.kill('SIGKILL'));
    let said = '';
    let leak: string | undefined;
    const url = await new Promise<string>((resolve, reject) => {
      for (const stream of [server.stdout, server.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          said = `${said}${line}\n`.slice(-4000);
          leak ??= leakIn(line);
          const listening = LISTENING.exec(line)?.[1];
          if (listening) resolve(listening);
        });
      }
      server.once('close', () => {
        reject(new Error(`the server ended before it listened:\n${said}`));
      });
    });
    return new Server(server, url, () => leak);
  }

  get alive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Memory that the process has made for itself, in MiB: of files that it maps the kernel counts more or less as others map them too, or end. */
  get memoryMiB(): number {
    if (!this.alive) return NaN;
    return Number(/^Anonymous:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#process.pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024;
  }

  /** Does what its ear is for. */
  poke(): void {
    this.#process.kill('SIGUSR2');
  }

  /**
   * @returns the exit code, null when it had to be killed.
   * @throws Error where it has printed a credential or anything of what was sent.
   */
  async stop(): Promise<number | null> {
    this.#process.kill('SIGTERM');
    const killer = setTimeout(() => this.#process.kill('SIGKILL'), 40_000);
    await this.#ended;
    clearTimeout(killer);
    const leak = this.#leak();
    if (leak !== undefined) throw new Error(`the server at ${this.url} has printed ${leak}`);
    return this.#process.exitCode;
  }
}
