// The memory tier: least recently used goes first, bounded in bytes, with shares of their own for models that ask for one.
import type { KeyvStoreAdapter, StoredData } from 'keyv';
import { LRUCache } from 'lru-cache';
import type { Entry } from './entry.js';
import { inOwnMemory } from './own-memory.js';

/**
 * What an entry takes besides its value: its key, its places in the lists of the cache, a buffer of its own. Measured as resident memory:
 * 890 bytes each for 50,000 vectors.
 */
const OVERHEAD_BYTES = 900;

/** A value of more than this part of the bound would drive out too many others. */
const LARGEST_PART = 1 / 8;

type Lru = LRUCache<string, Entry>;

export class MemoryStore implements KeyvStoreAdapter {
  readonly opts = {};
  namespace?: string;
  readonly #common: Lru;
  readonly #shares = new Map<string, Lru>();

  /** @param maxBytes of all values that belong to no share. */
  constructor(maxBytes: number) {
    this.#common = lru(maxBytes);
  }

  get bytes(): number {
    return this.#all.reduce((sum, { calculatedSize }) => sum + calculatedSize, 0);
  }

  get entries(): number {
    return this.#all.reduce((sum, { size }) => sum + size, 0);
  }

  /** Values of this scope get room of their own, which nobody else takes. */
  share(scope: string, maxBytes: number): void {
    this.#shares.set(scope, lru(maxBytes));
  }

  /** Gives that room up, with what is in it. */
  unshare(scope: string): void {
    this.#shares.delete(scope);
  }

  get<T>(key: string): Promise<StoredData<T> | undefined> {
    return Promise.resolve(this.#of(key).get(key) as StoredData<T> | undefined);
  }

  getMany<T>(keys: string[]): Promise<StoredData<T | undefined>[]> {
    return Promise.resolve(keys.map((key) => this.#of(key).get(key) as StoredData<T | undefined>));
  }

  set(key: string, entry: Entry): Promise<boolean> {
    this.#of(key).set(key, { ...entry, value: inOwnMemory(entry.value) });
    return Promise.resolve(true);
  }

  delete(key: string): Promise<boolean> {
    return Promise.resolve(this.#of(key).delete(key));
  }

  clear(): Promise<void> {
    for (const cache of this.#all) cache.clear();
    return Promise.resolve();
  }

  clearScope(scope: string): Promise<void> {
    const cache = this.#of(scope);
    for (const key of cache.keys()) if (key.startsWith(`${scope}:`)) cache.delete(key);
    return Promise.resolve();
  }

  on(): this {
    return this;
  }

  get #all(): Lru[] {
    return [this.#common, ...this.#shares.values()];
  }

  #of(key: string): Lru {
    if (this.#shares.size === 0) return this.#common;
    return this.#shares.get(key.split(':', 1)[0] ?? '') ?? this.#common;
  }
}

function lru(maxBytes: number): Lru {
  return new LRUCache({
    maxSize: Math.max(1, maxBytes),
    maxEntrySize: Math.max(1, Math.floor(maxBytes * LARGEST_PART)),
    sizeCalculation: ({ value }) => value.byteLength + OVERHEAD_BYTES,
  });
}
