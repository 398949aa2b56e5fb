// One tier, made harmless: whatever is behind it, asking takes no longer than its time-out and never fails.
import { setImmediate } from 'node:timers/promises';
import type CircuitBreaker from 'opossum';
import type { Keyv } from 'keyv';
import { reasonOf } from '../errors.js';
import type { CacheMetrics } from '../telemetry/cache-metrics.js';
import { breakerAround, isAway } from './breaker.js';
import { isExpired, seal, unseal, type Entry } from './entry.js';
import type { Level } from './level.js';
import type { TierName } from './options.js';
import { inPieces } from './pieces.js';

/** What a store can do beyond Keyv's interface. */
export interface Holding {
  /** Bytes of keys and values, where that is known. */
  readonly bytes?: number;
  readonly entries?: number;
  /** Removes what belongs to one model. */
  clearScope(scope: string): Promise<void>;
  /** Gives a model room of its own, where the tier can. */
  share?(scope: string, maxBytes: number): void;
  /** Gives that room up: what is in it is lost, or competes with the rest. */
  unshare?(scope: string): void;
}

export interface Keyed {
  readonly key: string;
  readonly entry: Entry;
}

/** An entry, and what it means. */
export interface Known<T> {
  readonly entry: Entry;
  readonly value: T;
}

export interface TierState {
  readonly tier: TierName;
  /** `down`: it is not asked until a trial goes well. */
  readonly state: 'up' | 'down';
  readonly bytes?: number;
  readonly entries?: number;
  /** Why it is not asked. */
  readonly reason?: string;
}

/** A tier outside the process may fail and hang; the one inside cannot, and is not watched. */
export interface Guard {
  readonly timeoutMs: number;
  readonly onChange: (state: TierState) => void;
}

/** Nobody waits for a write: it may take longer than a read, before it counts as failed. */
const WRITE_PATIENCE = 25;

const NOTHING: readonly undefined[] = [];

/** What is written and read to try a tier. */
const TRIAL: readonly Keyed[] = [{ key: 'trial', entry: { value: new Uint8Array(0), expires: undefined } }];
const TRIAL_KEYS: readonly string[] = TRIAL.map(({ key }) => key);

export class Tier {
  readonly #read: (keys: readonly string[]) => Promise<readonly (Entry | undefined)[]>;
  readonly #write: (entries: readonly Keyed[]) => Promise<void>;
  readonly #breakers: CircuitBreaker[] = [];
  readonly #writes = new Set<Promise<void>>();
  #reason = '';
  #announced: TierState['state'] = 'up';

  constructor(
    readonly name: TierName,
    private readonly keyv: Keyv,
    private readonly holding: Holding,
    private readonly metrics: CacheMetrics,
    private readonly guard?: Guard,
  ) {
    this.#read = this.guarded((keys: readonly string[]) => this.#fetch(keys), TRIAL_KEYS, 1);
    this.#write = this.guarded((entries: readonly Keyed[]) => this.#store(entries), TRIAL, WRITE_PATIENCE);
  }

  /** Whether it is left alone. */
  get down(): boolean {
    return this.#breakers.some(isAway);
  }

  get state(): TierState {
    const { bytes, entries } = this.holding;
    const { down } = this;
    return {
      tier: this.name,
      state: down ? 'down' : 'up',
      ...(bytes !== undefined && { bytes }),
      ...(entries !== undefined && { entries }),
      ...(down && { reason: this.#reason }),
    };
  }

  /** One entry a key, undefined for those that are unknown, or cannot be had in time. */
  async read<T>(level: Level<T>, keys: readonly string[]): Promise<readonly (Known<T> | undefined)[]> {
    const pieces = inPieces(keys);
    if (pieces.length === 1) return this.#readPiece(level, keys);
    const all: (Known<T> | undefined)[] = [];
    for (const piece of pieces) {
      const known = await this.#readPiece(level, piece);
      // It gave no answer, and is not asked for the rest.
      if (known.length === 0) break;
      all.push(...known);
      await setImmediate();
    }
    return all;
  }

  async #readPiece<T>(level: Level<T>, keys: readonly string[]): Promise<readonly (Known<T> | undefined)[]> {
    const started = performance.now();
    try {
      const entries = await this.#read(keys);
      const now = Date.now();
      const known = entries.map((entry) => entry && (isExpired(entry, now) ? undefined : this.#decoded(level, entry)));
      const hits = known.reduce((count, one) => (one ? count + 1 : count), 0);
      this.metrics.asked(this.name, level.name, 'hit', hits);
      this.metrics.asked(this.name, level.name, 'miss', keys.length - hits);
      this.metrics.took(this.name, 'read', (performance.now() - started) / 1000);
      return known;
    } catch {
      this.metrics.asked(this.name, level.name, 'error', keys.length);
      return NOTHING;
    }
  }

  /** Never rejects; what cannot be written is lost. */
  async write(level: string, entries: readonly Keyed[]): Promise<void> {
    const written = this.#writePieces(level, entries);
    this.#writes.add(written);
    await written;
    this.#writes.delete(written);
  }

  async #writePieces(level: string, entries: readonly Keyed[]): Promise<void> {
    for (const [index, piece] of inPieces(entries).entries()) {
      if (index > 0) await setImmediate();
      if (!(await this.#writePiece(level, piece))) return;
    }
  }

  /** @returns whether it was written. */
  async #writePiece(level: string, entries: readonly Keyed[]): Promise<boolean> {
    const started = performance.now();
    try {
      await this.#write(entries);
      this.metrics.took(this.name, 'write', (performance.now() - started) / 1000);
      return true;
    } catch {
      this.metrics.asked(this.name, level, 'error', entries.length);
      return false;
    }
  }

  /** @throws Error when the tier cannot be reached: whoever clears it has to know. */
  async clear(scope: string | undefined): Promise<void> {
    if (scope !== undefined) return this.holding.clearScope(scope);
    return this.keyv.clear();
  }

  share(scope: string, maxBytes: number): void {
    this.holding.share?.(scope, maxBytes);
  }

  unshare(scope: string): void {
    this.holding.unshare?.(scope);
  }

  async #fetch(keys: readonly string[]): Promise<(Entry | undefined)[]> {
    const rows = (await this.keyv.getMany<Uint8Array>([...keys], { raw: true })) as (Entry | undefined)[];
    if (!this.guard) return rows;
    return rows.map((row, index) => {
      const entry = row && unseal(keys[index] ?? '', row.value);
      if (row && !entry) this.metrics.garbage(this.name);
      return entry;
    });
  }

  /** Undefined for what is sealed and means nothing: who can write to the store can seal too. */
  #decoded<T>({ decode }: Level<T>, entry: Entry): Known<T> | undefined {
    let value: T | undefined;
    try {
      value = decode(entry.value);
    } catch {
      // As if it were not there.
    }
    if (value !== undefined) return { entry, value };
    this.metrics.garbage(this.name);
    return undefined;
  }

  async #store(entries: readonly Keyed[]): Promise<void> {
    const now = Date.now();
    const rows = entries.map(({ key, entry }) => ({
      key,
      value: this.guard ? seal(key, entry) : entry.value,
      ...(entry.expires !== undefined && { ttl: Math.max(1, entry.expires - now) }),
    }));
    await this.keyv.setMany(rows);
  }

  /**
   * The same work behind a breaker, which ends it after the tier's time-out.
   * @param trial what the breaker tries by itself whether the tier is well again: no request waits for that.
   * @param patience how many times the time-out it may take.
   */
  guarded<A, R>(work: (argument: A) => Promise<R>, trial: A, patience: number): (argument: A) => Promise<R> {
    if (!this.guard) return work;
    const { timeoutMs, onChange } = this.guard;
    const breaker = breakerAround(work, trial, timeoutMs * patience);
    breaker.on('failure', (error) => (this.#reason = reasonOf(error)));
    const announce = (): void => {
      const { state } = this;
      // Every trial that fails opens it again, and reads and writes have one each: news is what changed.
      if (state.state !== this.#announced) onChange(state);
      this.#announced = state.state;
    };
    breaker.on('open', announce);
    breaker.on('close', announce);
    this.#breakers.push(breaker);
    return (argument) => breaker.fire(argument);
  }

  /** Once what is on its way is written: stops the timers of the breakers, and closes the store. */
  async close(): Promise<void> {
    await Promise.all(this.#writes);
    for (const breaker of this.#breakers) breaker.shutdown();
    await this.keyv.disconnect();
  }
}
