// Who travels together: the order of the queue, and the packing of a batch.
import TinyQueue from 'tinyqueue';
import { costOf, type Item } from './item.js';

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

/** A flow of items that are served in order and share one turn: a request. */
export interface Flow {
  /** Where its last item ends in the virtual time of the queue. */
  finish: number;
  /** Its items that wait. */
  waiting: number;
  readonly urgency: number;
}

export interface Entry {
  readonly item: Item;
  /** Only entries of one kind can share a batch. */
  readonly kind: string;
  readonly flow: Flow;
  /** It must not share a batch. */
  readonly alone: boolean;
  /** Virtual time at which it is due, in tokens. */
  order: number;
  /** When it came, counted in items: first come, first served among those due at the same time. */
  turn: number;
}

function byOrder(a: Entry, b: Entry): number {
  return a.order - b.order || a.turn - b.turn;
}

/** Every so many batches the oldest item leads, whatever its order: nobody waits for ever. */
export const OLDEST_LEADS_EVERY = 16;

/** Items that a batch may pass over in search of one that fits. */
const MOST_PASSED_OVER = 32;

/** A flow with more items than this in the queue is in it for throughput. */
const BULK = 64;

/**
 * Share of a full batch that an instance takes however short the queue. On two cores 32 clients had 389 texts/s with batches of 128 tokens
 * always, 421 with 128 to 512 (all-minilm-l6-v2).
 */
const SMALLEST_SHARE = 0.25;

/** What one level of urgency is worth, in tokens of service. */
const URGENCY_TOKENS = 4096;

/**
 * Orders items by start-time fair queuing (Goyal, Vin and Cheng, SIGCOMM 1996), so that an array of thousands does not
 * stand in front of a single text, and packs the first with others of its kind and of like length.
 */
export class Queue<E extends Entry> {
  readonly #byAge = new Set<E>();
  #byOrder = new TinyQueue<E>([], byOrder);
  readonly #byLength = new Map<string, Map<number, Set<E>>>();
  #virtualTime = 0;
  #batches = 0;
  #arrivals = 0;
  #rows = 0;
  #tokens = 0;

  constructor(private readonly policy: PackingPolicy) {}

  get rows(): number {
    return this.#rows;
  }

  get tokens(): number {
    return this.#tokens;
  }

  get empty(): boolean {
    return this.#byAge.size === 0;
  }

  /** What has waited longest. */
  get oldest(): E | undefined {
    return this.#byAge.values().next().value;
  }

  /** One item waits, and nothing beside it. */
  get lone(): boolean {
    return this.#byAge.size === 1;
  }

  add(entry: E): void {
    const { item, kind, flow } = entry;
    const start = Math.max(this.#virtualTime, flow.finish);
    flow.finish = start + costOf(item);
    entry.order = start + flow.urgency * URGENCY_TOKENS;
    entry.turn = this.#arrivals++;
    this.#byAge.add(entry);
    this.#byOrder.push(entry);
    this.#bucket(kind, item.length).add(entry);
    flow.waiting += 1;
    this.#rows += item.rows;
    this.#tokens += costOf(item);
  }

  remove(entry: E): void {
    if (!this.#byAge.delete(entry)) return;
    const { length, rows } = entry.item;
    const lengths = this.#byLength.get(entry.kind);
    const bucket = lengths?.get(length);
    bucket?.delete(entry);
    if (bucket?.size === 0) lengths?.delete(length);
    if (lengths?.size === 0) this.#byLength.delete(entry.kind);
    entry.flow.waiting -= 1;
    this.#rows -= rows;
    this.#tokens -= costOf(entry.item);
    // The heap forgets lazily; rebuilt before what left outweighs what waits.
    if (this.#byOrder.length > 64 && this.#byOrder.length > 2 * this.#byAge.size) {
      this.#byOrder = new TinyQueue([...this.#byAge], byOrder);
    }
  }

  /**
   * Takes the next batch out of the queue; empty when nothing waits. An instance takes its share of what waits, so that a burst is split
   * over the instances instead of lining up behind one, and a long queue travels in full batches. Bulk travels in small ones: whoever
   * comes meanwhile waits for the end of a batch.
   * @param instances who take from the queue
   */
  next(instances = 1): E[] {
    const leader = this.#leader();
    if (!leader) return [];
    const budget = this.#budget(leader, instances);
    const batch = [leader];
    this.remove(leader);
    if (leader.alone) return batch;
    if (this.policy.segments) this.#fillInOrder(batch, leader, budget);
    else this.#fillByLength(batch, leader, budget);
    return batch;
  }

  #budget(leader: E, instances: number): number {
    const { maxTokens } = this.policy;
    if (leader.flow.waiting > BULK) return maxTokens * SMALLEST_SHARE;
    if (instances === 1) return maxTokens;
    return Math.min(maxTokens, Math.max(maxTokens * SMALLEST_SHARE, this.#tokens / instances));
  }

  /** Takes whoever is due next, as far as the budget goes; a few that do not fit are passed over. */
  #fillInOrder(batch: E[], leader: E, budget: number): void {
    let { rows } = leader.item;
    let tokens = costOf(leader.item);
    const passedOver: E[] = [];
    while (rows < this.policy.maxRows && tokens < budget && passedOver.length < MOST_PASSED_OVER) {
      const entry = this.#byOrder.pop();
      if (!entry) break;
      if (!this.#byAge.has(entry)) continue;
      const fits = rows + entry.item.rows <= this.policy.maxRows && tokens + costOf(entry.item) <= budget;
      // Somebody who came alone is not to wait for the bulk of another: it loses nothing by going later.
      const bulk = entry.flow !== leader.flow && entry.flow.waiting > BULK && leader.flow.waiting <= BULK;
      if (entry.kind !== leader.kind || entry.alone || bulk || !fits) {
        passedOver.push(entry);
        continue;
      }
      rows += entry.item.rows;
      tokens += costOf(entry.item);
      batch.push(entry);
      this.remove(entry);
    }
    for (const entry of passedOver) this.#byOrder.push(entry);
  }

  /** Takes those whose length is nearest to the leader's, oldest first, as far as the budget and the tolerance go. */
  #fillByLength(batch: E[], leader: E, budget: number): void {
    let { rows, length: shortest, length: longest } = leader.item;
    for (const length of this.#lengthsAround(leader.kind, leader.item.length)) {
      const low = Math.min(shortest, length);
      const high = Math.max(longest, length);
      if (high > low * this.policy.tolerance) continue;
      for (const entry of this.#byLength.get(leader.kind)?.get(length) ?? []) {
        const total = rows + entry.item.rows;
        if (total > this.policy.maxRows || total * high > budget) break;
        if (entry.alone) continue;
        rows = total;
        shortest = low;
        longest = high;
        batch.push(entry);
        this.remove(entry);
      }
    }
  }

  #leader(): E | undefined {
    this.#batches += 1;
    // Out of turn, so virtual time stands still: else whoever comes later would stand behind everybody's backlog.
    if (this.#batches % OLDEST_LEADS_EVERY === 0) return this.oldest;
    let leader: E | undefined;
    while (!leader && this.#byOrder.length > 0) {
      const first = this.#byOrder.pop();
      if (first && this.#byAge.has(first)) leader = first;
    }
    if (leader) this.#virtualTime = Math.max(this.#virtualTime, leader.order - leader.flow.urgency * URGENCY_TOKENS);
    return leader;
  }

  /** Lengths within the tolerance, nearest first: the least padding per mate. */
  *#lengthsAround(kind: string, length: number): Generator<number> {
    yield length;
    if (!Number.isFinite(this.policy.maxTokens) || !this.#byLength.has(kind)) return;
    // A mate longer than the budget never fits, so that a tolerance of millions ("any length") costs no more steps than that.
    const reach = Math.min(this.policy.maxTokens, Math.floor(length * (this.policy.tolerance - 1)));
    for (let distance = 1; distance <= reach; distance++) {
      yield length - distance;
      yield length + distance;
    }
  }

  #bucket(kind: string, length: number): Set<E> {
    let lengths = this.#byLength.get(kind);
    if (!lengths) this.#byLength.set(kind, (lengths = new Map<number, Set<E>>()));
    let bucket = lengths.get(length);
    if (!bucket) lengths.set(length, (bucket = new Set()));
    return bucket;
  }
}
