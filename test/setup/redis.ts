// A real Redis: Debian's redis-server, as a process of its own on a port of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { freePort } from './port.js';
import { debian } from './tools.js';
import { until } from './until.js';

/** Whether there is a Redis; where it cannot be had the specs that need it are skipped, and that is said loudly. */
export function redisIsThere(): Promise<boolean> {
  return debian('redis-server');
}

export type Client = ReturnType<typeof createClient>;

export class Redis {
  readonly #folder = mkdtempSync(join(tmpdir(), 'nestor-redis-'));
  #process: ChildProcess | undefined;

  private constructor(readonly port: number) {}

  /** A place for a Redis, at which nobody listens yet. */
  static async at(port?: number): Promise<Redis> {
    return new Redis(port ?? (await freePort()));
  }

  static async start(): Promise<Redis> {
    const redis = await Redis.at();
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const settings = { port: this.port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: this.#folder };
    const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    this.#process = spawn('redis-server', options, { stdio: 'ignore' });
    await until('Redis to answer', () =>
      this.client(async (client) => ((await client.ping()) === 'PONG' ? true : undefined)).catch(() => undefined),
    );
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** Does something with a client of its own. */
  async client<R>(work: (client: Client) => Promise<R>): Promise<R> {
    const client = createClient({ url: this.url, socket: { reconnectStrategy: false } });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.disconnect();
    }
  }

  /** Resolves once it holds so many keys at least. */
  async holds(keys: number): Promise<void> {
    await until(`${keys} keys in Redis`, () => this.client(async (client) => ((await client.dbSize()) >= keys ? true : undefined)));
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    this.#process = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
