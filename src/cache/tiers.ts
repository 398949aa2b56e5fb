// The tiers together: nearest first, and what a far one knew is written to the nearer ones.
import type { Entry } from './entry.js';
import type { TierName } from './options.js';
import type { Keyed, Tier, TierState } from './tier.js';

export interface Found {
  readonly entry: Entry;
  readonly tier: TierName;
}

export interface Written {
  /** Resolves once every tier knows them or has given up. */
  readonly everywhere: Promise<unknown>;
}

export class Tiers {
  constructor(readonly all: readonly Tier[]) {}

  get states(): TierState[] {
    return this.all.map((tier) => tier.state);
  }

  /** One round trip a tier, for the keys that the nearer ones did not know. */
  async read(level: string, allowed: ReadonlySet<TierName>, keys: readonly string[]): Promise<Map<string, Found>> {
    const found = new Map<string, Found>();
    const nearer: Tier[] = [];
    for (const tier of this.all) {
      if (!allowed.has(tier.name)) continue;
      const wanted = found.size === 0 ? keys : keys.filter((key) => !found.has(key));
      if (wanted.length === 0) break;
      const entries = await tier.read(level, wanted);
      const fresh = wanted.flatMap((key, index): Keyed[] => {
        const entry = entries[index];
        return entry ? [{ key, entry }] : [];
      });
      for (const { key, entry } of fresh) found.set(key, { entry, tier: tier.name });
      if (fresh.length > 0) for (const other of nearer) void other.write(level, fresh);
      nearer.push(tier);
    }
    return found;
  }

  /** Resolves as soon as the memory of this process knows them; the others follow, and may fail. */
  async write(level: string, allowed: ReadonlySet<TierName>, entries: readonly Keyed[]): Promise<Written> {
    const writes = this.all.filter(({ name }) => allowed.has(name)).map((tier) => ({ tier, done: tier.write(level, entries) }));
    await Promise.all(writes.filter(({ tier }) => tier.name === 'memory').map(({ done }) => done));
    return { everywhere: Promise.all(writes.map(({ done }) => done)) };
  }

  /** @throws Error of a tier that could not be reached; the others are cleared all the same. */
  async clear(scope?: string): Promise<void> {
    const results = await Promise.allSettled(this.all.map((tier) => tier.clear(scope)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason as Error;
  }
}
