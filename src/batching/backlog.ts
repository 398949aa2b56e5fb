// What waits of one tenant: its requests take turns, the urgent first, and now and then the oldest.
import TinyQueue from 'tinyqueue';
import { costOf, USUAL_URGENCY, type Item, type Share } from './item.js';
import { List, type Place } from './list.js';
import type { PackingPolicy } from './packing.js';

/** A flow of items that are served in order and share one turn: a request. */
export interface Flow {
  /** Where its last item ends in the virtual time of its tenant's backlog. */
  finish: number;
  /** Its items that wait. */
  waiting: number;
  /** All that waits of it is due before whatever comes now; of larger ones only what is their turn. */
  atOnce?: boolean;
  readonly items: number;
  /** What all its items cost. */
  readonly tokens: number;
  readonly urgency: number;
  /** Who pays for it. */
  readonly share: Share;
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
  /** While it waits: among all, and, where it can have mates, among those of its kind and length. */
  places?: readonly Place<unknown>[] | undefined;
}

/** What waits of one urgency, and how many requests it is of. */
interface Level {
  readonly atOnce: { flows: number; tokens: number };
  readonly byTurns: { flows: number; tokens: number };
}

/** What waits of one kind. */
interface Alike<E> {
  items: number;
  readonly byLength: Map<number, List<E>>;
}

/** Kinds, and lengths of one, that are kept where nothing waits: they come again, and a Map that changes all the time is what list.ts says of a Set. */
const KEPT = 512;

function byOrder(a: Entry, b: Entry): number {
  return a.order - b.order || a.turn - b.turn;
}

/** Every so many batches that a tenant leads its oldest item does, whatever its order: nobody waits for ever. */
export const OLDEST_LEADS_EVERY = 4;

/**
 * Full batches of a request that is due at once, like a single text; of one twice as large nothing is: it takes turns with the others, item
 * by item. Without this an array of 16 texts waits for 16 rounds of everybody who sends one. By simulation of 48 clients in a closed loop at
 * 4,000 tokens a second, texts of 2 to 256 tokens, a tenth of the requests arrays of 2 to 16, urgencies of all sorts for a third: arrays from 8
 * on have a median of 1.4 s and wait 8 s at most; without it, and with a whole batch for a level of urgency, 4.0 and 23 s. Single texts: 1.0
 * and 8 s, in place of 0.1 and 17.
 */
const BATCHES_AT_ONCE = 4;

/**
 * What a level of urgency is worth, in full batches that everybody who waits gets meanwhile. In that simulation the least urgent have a median
 * of 6 s and wait 8 s at most; with half a batch a level 10 and 14 s.
 */
const BATCHES_A_LEVEL = 0.25;

const NONE: Iterable<never> = [];

/**
 * Orders items by start-time fair queuing (Goyal, Vin and Cheng, SIGCOMM 1996), so that an array of thousands does not
 * stand in front of a single text. Virtual time also moves with what is served, shared by those who wait, as in WF2Q+ (Bennett and Zhang,
 * SIGCOMM 1996): requests of one item all start now, and would stand still for ever behind more urgent ones.
 */
export class Backlog<E extends Entry> {
  /** Virtual time of the queue, in tokens by weight, at which this tenant is served next. */
  due = 0;
  /** When the last one who was sent away was told to come back. */
  lastTurn = 0;
  readonly #byAge = new List<E>();
  #byOrder = new TinyQueue<E>([], byOrder);
  readonly #kinds = new Map<string, Alike<E>>();
  #items = 0;
  #virtualTime: number;
  #batches = 0;
  /** Led the last batch because it was the oldest. */
  #outOfTurn: E | undefined;
  /** Requests that have something waiting. */
  #flows = 0;
  readonly #levels = new Map<number, Level>();
  #rows = 0;
  #tokens = 0;

  /**
   * @param full what a full batch holds.
   * @param from where its virtual time begins: after that of all that went before.
   */
  constructor(
    public share: Share,
    private readonly full: Pick<PackingPolicy, 'maxRows' | 'maxTokens' | 'segments'>,
    from: number,
  ) {
    this.#virtualTime = from;
  }

  get rows(): number {
    return this.#rows;
  }

  get tokens(): number {
    return this.#tokens;
  }

  get empty(): boolean {
    return this.#items === 0;
  }

  get virtualTime(): number {
    return this.#virtualTime;
  }

  /** What has waited longest. */
  get oldest(): E | undefined {
    return this.#byAge.first;
  }

  /** Oldest first. */
  get entries(): Iterable<E> {
    return this.#byAge;
  }

  add(entry: E): void {
    const { item, flow } = entry;
    const start = Math.max(this.#virtualTime, flow.finish);
    flow.finish = start + costOf(item);
    const headStart = Math.max(0, 2 * BATCHES_AT_ONCE * this.#fullBatch(item.length) - flow.tokens);
    entry.order = Math.max(this.#virtualTime, start - headStart) + this.#patience(entry);
    this.#items += 1;
    this.#byOrder.push(entry);
    entry.places = [this.#byAge.add(entry), ...this.#amongMates(entry)];
    if (flow.waiting === 0) {
      flow.atOnce = flow.tokens <= BATCHES_AT_ONCE * this.#fullBatch(item.length);
      this.#flows += 1;
      this.#alongside(flow).flows += 1;
    }
    flow.waiting += 1;
    this.#rows += item.rows;
    this.#tokens += costOf(item);
    this.#alongside(flow).tokens += costOf(item);
  }

  /** Takes out what is served: time goes on for all who wait, as if each had been given its part. */
  serve(entry: E): boolean {
    if (entry === this.#outOfTurn) this.#outOfTurn = undefined;
    else this.#virtualTime += costOf(entry.item) / Math.max(1, this.#flows);
    return this.remove(entry);
  }

  /** @returns whether it was there. */
  remove(entry: E): boolean {
    if (!entry.places) return false;
    for (const place of entry.places) place.leave();
    entry.places = undefined;
    this.#items -= 1;
    const { length, rows } = entry.item;
    const alike = this.#kinds.get(entry.kind);
    if (alike && this.#canHaveMates(entry)) {
      alike.items -= 1;
      if (alike.byLength.size > KEPT && alike.byLength.get(length)?.empty) alike.byLength.delete(length);
      if (this.#kinds.size > KEPT && alike.items === 0) this.#kinds.delete(entry.kind);
    }
    const alongside = this.#alongside(entry.flow);
    entry.flow.waiting -= 1;
    if (entry.flow.waiting === 0) {
      this.#flows -= 1;
      alongside.flows -= 1;
    }
    this.#rows -= rows;
    this.#tokens -= costOf(entry.item);
    alongside.tokens -= costOf(entry.item);
    // The heap forgets lazily; rebuilt before what left outweighs what waits, and once nothing does: it would hold whole requests.
    if (this.#byOrder.length > (this.empty ? 0 : Math.max(64, 2 * this.#items))) {
      this.#byOrder = new TinyQueue([...this.#byAge], byOrder);
    }
    return true;
  }

  /** Who begins its next batch; it stays until it is removed. */
  lead(): E | undefined {
    this.#batches += 1;
    // Out of turn, so virtual time stands still: else whoever comes later would stand behind everybody's backlog.
    this.#outOfTurn = this.#batches % OLDEST_LEADS_EVERY === 0 ? this.oldest : undefined;
    if (this.#outOfTurn) return this.#outOfTurn;
    const leader = this.pop();
    if (leader) this.#virtualTime = Math.max(this.#virtualTime, leader.order - this.#patience(leader));
    return leader;
  }

  /** Who is due first, out of the order: to be removed, or put back. */
  pop(): E | undefined {
    for (;;) {
      const first = this.#byOrder.pop();
      if (!first || first.places) return first;
    }
  }

  putBack(entries: readonly E[]): void {
    for (const entry of entries) this.#byOrder.push(entry);
  }

  /**
   * Tokens that would be due before the end of so many that came now. Of requests that take turns each gets as many, and what urgency is worth;
   * those due at once came before, so that all of them go first, unless they are less urgent.
   */
  ahead(tokens: number, length: number, urgency: number): number {
    const worth = BATCHES_A_LEVEL * this.#fullBatch(length);
    let ahead = 0;
    for (const [other, { atOnce, byTurns }] of this.#levels) {
      const each = Math.max(0, tokens + (urgency - other) * worth);
      ahead += urgency < other ? Math.min(atOnce.tokens, atOnce.flows * each) : atOnce.tokens;
      ahead += Math.min(byTurns.tokens, byTurns.flows * each);
    }
    return ahead;
  }

  /** Whether somebody waits who could travel with one of this kind. */
  hasKind(kind: string): boolean {
    return (this.#kinds.get(kind)?.items ?? 0) > 0;
  }

  /** Those of one kind and length that can have mates, oldest first. */
  alike(kind: string, length: number): Iterable<E> {
    return this.#kinds.get(kind)?.byLength.get(length) ?? NONE;
  }

  /** Tokens of a full batch of items of that length. */
  #fullBatch(length: number): number {
    return Math.min(this.full.maxTokens, this.full.maxRows * Math.max(1, length));
  }

  /** How much later than its turn it is due, or earlier, for its urgency. */
  #patience({ item, flow }: E): number {
    return (flow.urgency - USUAL_URGENCY) * BATCHES_A_LEVEL * this.#fullBatch(item.length);
  }

  /** What waits of the urgency of a request that is due as this one is. */
  #alongside({ urgency, atOnce }: Flow): { flows: number; tokens: number } {
    let level = this.#levels.get(urgency);
    if (!level) this.#levels.set(urgency, (level = { atOnce: { flows: 0, tokens: 0 }, byTurns: { flows: 0, tokens: 0 } }));
    return level[atOnce ? 'atOnce' : 'byTurns'];
  }

  /** Mates are looked for by length. A full block of a large request must not stand before those that share batches. */
  #canHaveMates({ alone, item }: E): boolean {
    return !this.full.segments && !alone && item.rows < this.full.maxRows;
  }

  #amongMates(entry: E): Place<unknown>[] {
    if (!this.#canHaveMates(entry)) return [];
    const { kind, item } = entry;
    let alike = this.#kinds.get(kind);
    if (!alike) this.#kinds.set(kind, (alike = { items: 0, byLength: new Map<number, List<E>>() }));
    let list = alike.byLength.get(item.length);
    if (!list) alike.byLength.set(item.length, (list = new List()));
    alike.items += 1;
    return [list.add(entry)];
  }
}
