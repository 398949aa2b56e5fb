// Whole answers as they went out, by everything of the request that they depend on: a repeated request is not even decoded.
import { LRUCache } from 'lru-cache';
import { inOwnMemory } from './own-memory.js';

export interface Answer {
  readonly body: Buffer;
  /** With Content-Type. */
  readonly headers: Readonly<Record<string, string>>;
  /** The model that answered: the answer counts as long as the name still leads there. */
  readonly name: string;
  /** The version that was asked for, if one was. */
  readonly asked: string | undefined;
  readonly version: string;
  readonly scope: string;
  /** Rows that need not run when it is sent again. */
  readonly rows: number;
}

/** Beside the body: key, headers, and what memory-store.ts measured of an entry. */
const OVERHEAD_BYTES = 1400;
/** An answer of more than this part of the bound would drive out too many others. */
const LARGEST_PART = 1 / 16;

export class Answers {
  readonly #answers: LRUCache<string, Answer>;

  constructor(maxBytes: number) {
    this.#answers = new LRUCache({
      maxSize: Math.max(1, maxBytes),
      maxEntrySize: Math.max(1, Math.floor(maxBytes * LARGEST_PART)),
      sizeCalculation: ({ body }) => body.byteLength + OVERHEAD_BYTES,
    });
  }

  get bytes(): number {
    return this.#answers.calculatedSize;
  }

  get entries(): number {
    return this.#answers.size;
  }

  get(key: string): Answer | undefined {
    return this.#answers.get(key);
  }

  /** @param ttlMs undefined: until its room is needed. */
  set(key: string, answer: Answer, ttlMs: number | undefined): void {
    this.#answers.set(key, { ...answer, body: inOwnMemory(answer.body) }, ttlMs === undefined ? {} : { ttl: ttlMs });
  }

  clear(scope?: string): void {
    if (scope === undefined) this.#answers.clear();
    else for (const [key, answer] of this.#answers.entries()) if (answer.scope === scope) this.#answers.delete(key);
  }
}
