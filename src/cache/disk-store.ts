// The disk tier: asks its thread, and starts another when it dies.
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { KeyvStoreAdapter, StoredData } from 'keyv';
import type { DiskCommand, DiskReply, DiskRequest, DiskSettings } from './disk-messages.js';

/** Writes that wait for the disk at most: a disk that is slower than the models must not fill the memory. */
const MOST_PENDING = 256;
const FILE = 'cache.sqlite';
/** For the thread to end what it does, in milliseconds. */
const END_MS = 2000;

interface Held {
  readonly value: Uint8Array;
}

interface Pending {
  readonly resolve: (reply: DiskReply) => void;
  readonly reject: (reason: Error) => void;
}

export class DiskStore implements KeyvStoreAdapter {
  readonly opts = {};
  namespace?: string;
  bytes = 0;
  entries = 0;
  #worker: Worker | undefined;
  #closed = false;
  #nextId = 0;
  readonly #pending = new Map<number, Pending>();
  readonly #shares = new Map<string, number>();
  readonly #settings: DiskSettings;

  constructor(directory: string, maxBytes: number) {
    this.#settings = { path: join(directory, FILE), maxBytes };
    // Opened while the models load: the first request would not wait for it. A failure comes back with every command.
    this.#ask({ kind: 'get', keys: [] }).catch(() => undefined);
  }

  share(scope: string, maxBytes: number): void {
    this.#shares.set(scope, maxBytes);
    // Asked for again when the thread is started; that it fails now is noticed at the next command.
    this.#ask({ kind: 'share', scope, maxBytes }).catch(() => undefined);
  }

  /** What is in it stays, as it does over a restart, and competes with the rest. */
  unshare(scope: string): void {
    if (!this.#shares.delete(scope)) return;
    this.#ask({ kind: 'share', scope, maxBytes: undefined }).catch(() => undefined);
  }

  async get<T>(key: string): Promise<StoredData<T> | undefined> {
    return (await this.getMany<T>([key]))[0] as StoredData<T> | undefined;
  }

  async getMany<T>(keys: string[]): Promise<StoredData<T | undefined>[]> {
    const { values = [] } = await this.#ask({ kind: 'get', keys });
    return keys.map((_, index) => (values[index] ? { value: values[index] as T, expires: undefined } : undefined));
  }

  async set(key: string, held: Held): Promise<boolean> {
    await this.#ask({ kind: 'set', rows: [{ key, value: held.value }] });
    return true;
  }

  async setMany(entries: { key: string; value: Held }[]): Promise<void> {
    await this.#ask({ kind: 'set', rows: entries.map(({ key, value }) => ({ key, value: value.value })) });
  }

  delete(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async clear(): Promise<void> {
    await this.#ask({ kind: 'clear', scope: undefined });
  }

  async clearScope(scope: string): Promise<void> {
    await this.#ask({ kind: 'clear', scope });
  }

  on(): this {
    return this;
  }

  /** Does not wait for a disk that hangs: in a system call a thread cannot be ended, and `process.exit` would wait for it forever. */
  async disconnect(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (!worker) return;
    const kill = (): boolean => process.kill(process.pid, 'SIGKILL');
    process.once('exit', kill);
    const ended = worker.terminate().then(() => process.off('exit', kill));
    await Promise.race([ended, setTimeout(END_MS, undefined, { ref: false })]);
    this.#lost(worker, new Error('the disk tier is closed'));
  }

  async #ask(command: DiskCommand): Promise<DiskReply> {
    if (this.#closed) throw new Error('the disk tier is closed');
    if (this.#pending.size >= MOST_PENDING) throw new Error(`${MOST_PENDING} commands wait for the disk already`);
    const id = this.#nextId++;
    // First: where there is no thread to be had nothing waits for it.
    const thread = this.#thread();
    const reply = await new Promise<DiskReply>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      thread.postMessage({ ...command, id } satisfies DiskRequest);
    });
    this.bytes = reply.bytes;
    this.entries = reply.entries;
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply;
  }

  #thread(): Worker {
    if (this.#worker) return this.#worker;
    const url = new URL(import.meta.url.endsWith('.ts') ? './disk-worker.ts' : './disk-worker.js', import.meta.url);
    const worker = new Worker(url, { workerData: this.#settings });
    this.#worker = worker;
    // Those who wait for it hold the process: its thread alone must not.
    worker.unref();
    worker.on('message', (reply: DiskReply) => {
      this.#pending.get(reply.id)?.resolve(reply);
      this.#pending.delete(reply.id);
    });
    worker.on('error', (error: Error) => {
      this.#lost(worker, error);
    });
    worker.on('exit', () => {
      this.#lost(worker, new Error('the thread of the disk tier ended'));
    });
    for (const [scope, maxBytes] of this.#shares) worker.postMessage({ kind: 'share', scope, maxBytes, id: -1 } satisfies DiskRequest);
    return worker;
  }

  /** Told twice of a thread that fails: by then there may be another one. */
  #lost(worker: Worker, reason: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}
