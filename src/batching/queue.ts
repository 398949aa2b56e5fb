// Who travels together: tenants by weighted fair queuing, and within a tenant its own order.
import { Backlog, type Entry } from './backlog.js';
import { costOf, type Share } from './item.js';
import { BULK, Packing, type PackingPolicy } from './packing.js';

/**
 * Share of a full batch that an instance takes however short the queue. On two cores 32 clients had 389 texts/s with batches of 128 tokens
 * always, 421 with 128 to 512 (all-minilm-l6-v2).
 */
const SMALLEST_SHARE = 0.25;

/**
 * Share of a full batch that bulk takes while others come beside it, who wait for the end of one of its batches. On two cores single texts beside
 * 16,000 of one request had a p99 of 2.97 times their idle one with batches of 128 tokens, 2.37 and 2.45 with 64; the 16,000 took 48 and 55 s.
 */
const BESIDE_OTHERS = 0.125;

/** So many batches after another tenant has led one, or one has carried anything but bulk, they are still expected back. */
const EXPECTED_BACK = 32;

/** Tenants that are remembered while nothing of theirs waits: what they owe counts only until the others have caught up. */
const IDLE_TENANTS = 64;

/**
 * Serves tenants by start-time fair queuing in tokens by weight: the one who has had least leads the next batch, and everybody pays for
 * their own items, whoever's batch they travel in. A tenant that has nothing waiting saves up nothing.
 */
export class Queue<E extends Entry> {
  readonly #backlogs = new Map<string, Backlog<E>>();
  /** When the tenant that led last was due. */
  #virtualTime = 0;
  /** The latest that a tenant is due. */
  #latest = 0;
  /** The farthest virtual time of a backlog that was forgotten. */
  #horizon = 0;
  /** Who led the last batch, and for how many batches in a row. */
  #host: Backlog<E> | undefined;
  #inARow = Infinity;
  /** Batches since one that carried anything but bulk. */
  #bulkInARow = Infinity;
  #arrivals = 0;
  #items = 0;
  #rows = 0;
  #tokens = 0;
  readonly #take = (backlog: Backlog<E>, entry: E): void => {
    backlog.due += costOf(entry.item) / backlog.share.weight;
    this.#latest = Math.max(this.#latest, backlog.due);
    if (entry.flow.items <= BULK) this.#bulkInARow = 0;
    this.#leaves(entry, backlog.serve(entry));
  };

  constructor(private readonly policy: PackingPolicy) {}

  get rows(): number {
    return this.#rows;
  }

  get tokens(): number {
    return this.#tokens;
  }

  get empty(): boolean {
    return this.#items === 0;
  }

  /** All that waits, as it is now. */
  get entries(): E[] {
    return [...this.#backlogs.values()].flatMap((backlog) => [...backlog.entries]);
  }

  /** One item waits, and nothing beside it. */
  get lone(): boolean {
    return this.#items === 1;
  }

  /** What waits of one tenant. */
  backlog(share: Share): Backlog<E> {
    let backlog = this.#backlogs.get(share.name);
    if (backlog) {
      // The warm-up, which is nobody's, has none of the weight that those have whom nobody names.
      backlog.share = share;
      return backlog;
    }
    if (this.#backlogs.size >= IDLE_TENANTS) this.#forget();
    this.#backlogs.set(share.name, (backlog = new Backlog<E>(share, this.policy, this.#horizon)));
    return backlog;
  }

  /** Part of the whole that a tenant is due, by weight, among those who have something waiting. */
  partOf(own: Backlog<E>): number {
    if (this.#backlogs.size === 1) return 1;
    let weights = 0;
    for (const backlog of this.#backlogs.values()) if (!backlog.empty || backlog === own) weights += backlog.share.weight;
    return own.share.weight / weights;
  }

  add(entry: E): void {
    const backlog = this.backlog(entry.flow.share);
    if (backlog.empty) backlog.due = Math.max(backlog.due, this.#virtualTime);
    entry.turn = this.#arrivals++;
    backlog.add(entry);
    this.#items += 1;
    this.#rows += entry.item.rows;
    this.#tokens += costOf(entry.item);
  }

  remove(entry: E): void {
    const backlog = this.#backlogs.get(entry.flow.share.name);
    if (backlog) this.#leaves(entry, backlog.remove(entry));
  }

  /**
   * Takes the next batch out of the queue; empty when nothing waits. An instance takes its share of what waits, so that a burst is split
   * over the instances instead of lining up behind one, and a long queue travels in full batches. Bulk travels in small ones: whoever
   * comes meanwhile waits for the end of a batch. So does what one tenant has while another is expected back.
   * @param instances who take from the queue.
   * @param worthARun tokens for which it pays to take them though they are fewer than the smallest share.
   */
  next(instances = 1, worthARun = Infinity): E[] {
    const backlog = this.#first();
    const leader = backlog?.lead();
    if (!backlog || !leader) return [];
    this.#virtualTime = Math.max(this.#virtualTime, backlog.due);
    this.#inARow = backlog === this.#host ? this.#inARow + 1 : this.#host ? 1 : Infinity;
    this.#host = backlog;
    this.#bulkInARow += 1;
    const budget = this.#budget(backlog, leader, instances, worthARun);
    this.#take(backlog, leader);
    if (this.#items === 0) return [leader];
    const packing = new Packing(this.policy, leader, this.#take);
    packing.fill(backlog, budget);
    if (this.#backlogs.size > 1) this.#seatGuests(packing, backlog, budget);
    return packing.batch;
  }

  /** Of those who have something waiting, the tenant that has had least for its weight. */
  #first(): Backlog<E> | undefined {
    let first: Backlog<E> | undefined;
    for (const backlog of this.#backlogs.values()) if (!backlog.empty && (!first || backlog.due < first.due)) first = backlog;
    return first;
  }

  /** Others take the places that are left, those who have had least first; nobody rides further ahead of their turn than the smallest batch. */
  #seatGuests(packing: Packing<E>, host: Backlog<E>, budget: number): void {
    const guests = [...this.#backlogs.values()].filter((backlog) => backlog !== host && !backlog.empty);
    for (const guest of guests.sort((a, b) => a.due - b.due)) {
      if (packing.size >= budget) return;
      const ahead = (guest.due - this.#virtualTime) * guest.share.weight;
      packing.fill(guest, Math.min(budget, packing.size + packing.most * SMALLEST_SHARE - ahead));
    }
  }

  #budget(host: Backlog<E>, { flow }: E, instances: number, worthARun: number): number {
    const { maxTokens } = this.policy;
    const expectsOthers = this.#inARow < EXPECTED_BACK && host.rows === this.#rows;
    if (flow.waiting > BULK && this.#bulkInARow < EXPECTED_BACK) return maxTokens * BESIDE_OTHERS;
    if (flow.waiting > BULK || expectsOthers) return maxTokens * SMALLEST_SHARE;
    if (instances === 1) return maxTokens;
    return Math.min(maxTokens, Math.max(Math.min(maxTokens * SMALLEST_SHARE, worthARun), this.#tokens / instances));
  }

  #leaves(entry: E, there: boolean): void {
    if (!there) return;
    this.#items -= 1;
    this.#rows -= entry.item.rows;
    this.#tokens -= costOf(entry.item);
    // Nobody had to wait for what was served: nobody owes anything.
    if (this.#items === 0) this.#virtualTime = this.#latest;
  }

  /** Lets go of tenants that have nothing waiting and owe nothing. */
  #forget(): void {
    for (const [name, backlog] of this.#backlogs) {
      if (!backlog.empty || backlog.due > this.#virtualTime) continue;
      this.#horizon = Math.max(this.#horizon, backlog.virtualTime);
      this.#backlogs.delete(name);
    }
  }
}
