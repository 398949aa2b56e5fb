// A batch that is being put together: who fits in beside those who are in it.
import type { Backlog, Entry } from './backlog.js';
import { costOf, totalOf } from './item.js';

export interface PackingPolicy {
  /** Most rows of a batch. */
  readonly maxRows: number;
  /** Most tokens of a batch, padding included: longest x rows. */
  readonly maxTokens: number;
  /** Longest over shortest sequence of a batch, at most. */
  readonly tolerance: number;
  /** Sequences share rows: nothing is padded, so lengths need not be alike and whoever is next travels along. */
  readonly segments?: boolean;
}

/** Items that a batch may pass over in search of one that fits. */
const MOST_PASSED_OVER = 32;

/** A flow with more items than this in the queue is in it for throughput. */
export const BULK = 64;

/** Nobody else would have found a place in it. */
export function fills(batch: readonly Entry[], { maxRows, maxTokens }: PackingPolicy): boolean {
  const { rows, tokens } = totalOf(batch.map(({ item }) => item));
  return batch[0]?.alone === true || rows >= maxRows || tokens >= maxTokens;
}

export class Packing<E extends Entry> {
  readonly batch: E[];
  #rows: number;
  #tokens: number;
  #shortest: number;
  #longest: number;

  /** @param take takes an item out of its backlog. */
  constructor(
    private readonly policy: PackingPolicy,
    private readonly leader: E,
    private readonly take: (backlog: Backlog<E>, entry: E) => void,
  ) {
    this.batch = [leader];
    this.#rows = leader.item.rows;
    this.#tokens = costOf(leader.item);
    this.#shortest = this.#longest = leader.item.length;
  }

  /** Tokens of the batch, with padding where rows are padded. */
  get size(): number {
    return this.policy.segments ? this.#tokens : this.#rows * this.#longest;
  }

  /** Tokens of a full batch. */
  get most(): number {
    return Math.min(this.policy.maxTokens, this.policy.maxRows * this.#longest);
  }

  /** Takes from a backlog what fits, up to so many tokens in the batch. */
  fill(backlog: Backlog<E>, budget: number): void {
    if (this.leader.alone) return;
    if (this.policy.segments) this.#fillInOrder(backlog, budget);
    else this.#fillByLength(backlog, budget);
  }

  #add(backlog: Backlog<E>, entry: E): void {
    this.#rows += entry.item.rows;
    this.#tokens += costOf(entry.item);
    this.batch.push(entry);
    this.take(backlog, entry);
  }

  /** Takes whoever is due next, as far as the budget goes; a few that do not fit are passed over. */
  #fillInOrder(backlog: Backlog<E>, budget: number): void {
    const { leader } = this;
    const { maxRows } = this.policy;
    const passedOver: E[] = [];
    while (this.#rows < maxRows && this.#tokens < budget && passedOver.length < MOST_PASSED_OVER) {
      const entry = backlog.pop();
      if (!entry) break;
      const fits = this.#rows + entry.item.rows <= maxRows && this.#tokens + costOf(entry.item) <= budget;
      // Somebody who came alone is not to wait for the bulk of another: it loses nothing by going later.
      const bulk = entry.flow !== leader.flow && entry.flow.waiting > BULK && leader.flow.waiting <= BULK;
      if (entry.kind !== leader.kind || entry.alone || bulk || !fits) passedOver.push(entry);
      else this.#add(backlog, entry);
    }
    backlog.putBack(passedOver);
  }

  /** Takes those whose length is nearest to the leader's, oldest first, as far as the budget and the tolerance go; a few that do not fit are passed over. */
  #fillByLength(backlog: Backlog<E>, budget: number): void {
    const { kind, item } = this.leader;
    let passedOver = 0;
    for (const length of this.#lengthsAround(item.length, backlog.hasKind(kind))) {
      const low = Math.min(this.#shortest, length);
      const high = Math.max(this.#longest, length);
      if (high > low * this.policy.tolerance) continue;
      for (const entry of backlog.alike(kind, length)) {
        const total = this.#rows + entry.item.rows;
        if (total > this.policy.maxRows || total * high > budget) {
          passedOver += 1;
          if (this.#rows === this.policy.maxRows || passedOver === MOST_PASSED_OVER) return;
          continue;
        }
        this.#shortest = low;
        this.#longest = high;
        this.#add(backlog, entry);
      }
    }
  }

  /** Lengths within the tolerance, nearest first: the least padding per mate. */
  *#lengthsAround(length: number, others: boolean): Generator<number> {
    yield length;
    if (!Number.isFinite(this.policy.maxTokens) || !others) return;
    // A mate longer than the budget never fits, so that a tolerance of millions ("any length") costs no more steps than that.
    const reach = Math.min(this.policy.maxTokens, Math.floor(length * (this.policy.tolerance - 1)));
    for (let distance = 1; distance <= reach; distance++) {
      yield length - distance;
      yield length + distance;
    }
  }
}
