// The tiers together: nearest first, and what a far one knew is written to the nearer ones.
import type { Level } from './level.js';
import type { TierName } from './options.js';
import type { Keyed, Tier, TierState } from './tier.js';

export interface Found<T> {
  readonly value: T;
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
  async read<T>(level: Level<T>, allowed: ReadonlySet<TierName>, keys: readonly string[]): Promise<Map<string, Found<T>>> {
    const found = new Map<string, Found<T>>();
    const nearer: Tier[] = [];
    for (const tier of this.all) {
      if (!allowed.has(tier.name)) continue;
      const wanted = found.size === 0 ? keys : keys.filter((key) => !found.has(key));
      if (wanted.length === 0) break;
      const known = await tier.read(level, wanted);
      const fresh: Keyed[] = [];
      for (const [index, key] of wanted.entries()) {
        const one = known[index];
        if (!one) continue;
        found.set(key, { value: one.value, tier: tier.name });
        fresh.push({ key, entry: one.entry });
      }
      if (fresh.length > 0) for (const other of nearer) void other.write(level.name, fresh);
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
