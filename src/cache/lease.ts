// One process of many computes: it has the lease of a key in Redis, and the others wait for the value for as long at most.
import { setTimeout as sleep } from 'node:timers/promises';
import { inPieces } from './pieces.js';
import type { Tier } from './tier.js';

/** What becomes of a key: its value is there already, or this process is to compute it, or another one does. */
export type Claim = 'known' | 'ours' | 'taken';

/** Where leases are kept. */
export interface Leasing {
  /** One claim a key, in one round trip; what becomes ours is free again after `leaseMs`. */
  claim(keys: readonly string[], leaseMs: number): Promise<readonly Claim[]>;
  release(keys: readonly string[]): Promise<unknown>;
}

export interface Work<R> {
  /** What the tiers know by now. */
  find(keys: readonly string[]): Promise<ReadonlyMap<string, R>>;
  /** `everywhere` resolves once all tiers have the values or have given up. */
  compute(keys: readonly string[]): Promise<{ readonly values: ReadonlyMap<string, R>; readonly everywhere: Promise<unknown> }>;
}

const POLL_MS = 5;
const TRIAL: readonly string[] = ['trial'];

export class Lease {
  readonly #claim: (keys: readonly string[]) => Promise<readonly Claim[]>;
  /** Keys whose lease this process has: whoever asks here again is in more of a hurry than the one who computes. */
  readonly #held = new Set<string>();
  readonly #releases = new Set<Promise<void>>();

  /** @param ms how long a process keeps a key to itself at most, and how long another waits for it. */
  constructor(
    private readonly tier: Tier,
    private readonly leasing: Leasing,
    private readonly ms: number,
  ) {
    this.#claim = tier.guarded((keys: readonly string[]) => leasing.claim(keys, ms), TRIAL, 1);
  }

  /**
   * The value of every key.
   * @param signal ends the waiting for others.
   * @throws whatever `work` throws.
   */
  async once<R>(keys: readonly string[], work: Work<R>, signal: AbortSignal): Promise<ReadonlyMap<string, R>> {
    const failed = new AbortController();
    try {
      return await this.#round(keys, work, AbortSignal.any([signal, failed.signal]), performance.now() + this.ms);
    } catch (thrown) {
      failed.abort();
      throw thrown;
    }
  }

  /** Does what can be done now, and meanwhile waits for the rest: two processes that each wait for the other would both wait in vain. */
  async #round<R>(keys: readonly string[], work: Work<R>, signal: AbortSignal, end: number): Promise<ReadonlyMap<string, R>> {
    const begun = performance.now();
    const claims = begun < end ? await this.#claims(keys) : [];
    const claimed = (claim: Claim): string[] => keys.filter((_, index) => claims[index] === claim);
    const [ours, known] = [claimed('ours'), claimed('known')];
    const taken = claimed('taken').filter((key) => !this.#held.has(key));
    const waiting = new Set(taken);
    const ready = keys.filter((key) => !waiting.has(key));
    const parts = [this.#done(ready, known, work, ours, begun)];
    if (taken.length > 0) parts.push(sleep(POLL_MS, undefined, { signal }).then(() => this.#round(taken, work, signal, end)));
    return new Map((await Promise.all(parts)).flatMap((part) => [...part]));
  }

  /** Ends where Redis does not say: a request never waits for that. */
  async #claims(keys: readonly string[]): Promise<readonly Claim[]> {
    const claims: Claim[] = [];
    for (const piece of inPieces(keys)) {
      const some = this.tier.down ? undefined : await this.#claim(piece).catch(() => undefined);
      if (!some) break;
      claims.push(...some);
    }
    return claims;
  }

  async #done<R>(
    ready: readonly string[],
    known: readonly string[],
    work: Work<R>,
    ours: readonly string[],
    begun: number,
  ): Promise<ReadonlyMap<string, R>> {
    for (const key of ours) this.#held.add(key);
    let written: Promise<unknown> = Promise.resolve();
    try {
      const found = known.length > 0 ? await work.find(known) : new Map<string, R>();
      const missing = ready.filter((key) => !found.has(key));
      if (missing.length === 0) return found;
      const { values, everywhere } = await work.compute(missing);
      written = everywhere;
      return new Map([...found, ...values]);
    } finally {
      const released = written.then(() => this.#release(ours, begun));
      this.#releases.add(released);
      void released.then(() => this.#releases.delete(released));
    }
  }

  /** Resolves once no lease of what was computed is left. */
  async released(): Promise<void> {
    await Promise.all(this.#releases);
  }

  async #release(ours: readonly string[], begun: number): Promise<void> {
    for (const key of ours) this.#held.delete(key);
    // Later it may be another's.
    const valid = performance.now() - begun < this.ms;
    if (ours.length === 0 || !valid || this.tier.down) return;
    for (const piece of inPieces(ours)) await this.leasing.release(piece).catch(() => undefined);
  }
}
