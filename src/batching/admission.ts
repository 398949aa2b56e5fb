// The door of a queue: refuses what has no prospect, and tells who is sent away when to come back.
import { NestorError } from '../errors.js';
import type { Backlog } from './backlog.js';
import type { DrainRate } from './drain-rate.js';
import { EVERYBODY, USUAL_URGENCY, type JobOptions } from './item.js';
import type { JobEntry } from './job.js';
import type { Queue } from './queue.js';

/** Nobody waits longer than this on the word of a server that forgets. */
const LONGEST_RETRY_MS = 30_000;

/** So that half as much again is not longer. */
const LONGEST_LINE_MS = LONGEST_RETRY_MS / 1.5;

/**
 * Part of the queue timeout up to which a turn is expected to come in time: better to be refused at once than after the wait. Of 300 ms, under four
 * times the capacity, 4.6 to 5.9 % of the refused had waited for nothing where the whole was promised, 2.6 to 3.3 with 0.9, 0.9 to 1.6 with 0.8; at the
 * capacity 10 to 30 %, 0 to 4 and none.
 */
const SURE_OF_A_TURN = 0.9;

/** What may wait. */
export interface Room {
  /** Most rows that may wait; beyond it a tenant gets in as long as it keeps to its share of them. */
  readonly maxQueueItems: number;
  /** Most tokens that may wait, likewise. */
  readonly maxQueueTokens: number;
  /** How long a request may wait for its turn, in milliseconds. One that nothing is ahead of is always let in. */
  readonly queueTimeoutMs: number;
}

/** What decides on whether a request is let in, besides its size. */
export type Asking = Pick<JobOptions, 'deadline' | 'share' | 'urgency'>;

const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

export class Admission {
  #place = 0;

  constructor(
    private readonly room: Room,
    private readonly queue: Queue<JobEntry>,
    private readonly drainRate: DrainRate,
  ) {}

  /** @throws NestorError QUEUE_FULL, PAYLOAD_TOO_LARGE, DEADLINE_EXCEEDED */
  check(rows: number, tokens: number, { deadline, share = EVERYBODY, urgency = USUAL_URGENCY }: Asking): void {
    this.checkSize(rows, tokens);
    const excess = this.#excess(this.queue, rows, tokens, 1);
    if (excess > 0) this.#checkShare(this.queue.backlog(share), rows, tokens, excess);
    if (deadline === undefined && this.room.queueTimeoutMs === Infinity) return;
    const own = this.queue.backlog(share);
    const length = tokens / rows;
    const turnMs = this.#expectedMs(own, length, length, urgency);
    const tooLongMs = turnMs - this.room.queueTimeoutMs * SURE_OF_A_TURN;
    if (tooLongMs > 0) {
      const cost = this.#costOf(rows, tokens);
      throw this.#tooLong(`Its turn may come too late, in about ${Math.ceil(turnMs)} ms`, own, tooLongMs, cost);
    }
    if (deadline !== undefined && performance.now() + this.#expectedMs(own, tokens, length, urgency) > deadline)
      throw new NestorError('DEADLINE_EXCEEDED', 'The deadline would pass before the queue reaches this request');
  }

  /** What to say to a request whose turn did not come in time: the queue was slower than it had been. */
  overdue({ share = EVERYBODY }: Asking, tokens: number): NestorError {
    return this.#tooLong('Its turn did not come in time', this.queue.backlog(share), 0, tokens);
  }

  #tooLong(what: string, own: Backlog<JobEntry>, tooLongMs: number, tokens: number): NestorError {
    const message = `${what}; the queue of this model lets requests wait ${this.room.queueTimeoutMs} ms`;
    return new NestorError('QUEUE_FULL', message, { retryAfter: this.#turnIn(own, tooLongMs, tokens / this.queue.partOf(own)) });
  }

  /** Refuses what the queue may never hold. @throws NestorError PAYLOAD_TOO_LARGE */
  checkSize(rows: number, tokens: number): void {
    const { maxQueueItems, maxQueueTokens } = this.room;
    if (rows <= maxQueueItems && tokens <= maxQueueTokens) return;
    const message = `The request holds ${rows} items of ${tokens} tokens; the queue of this model admits ${maxQueueItems} items and ${maxQueueTokens} tokens. Send it in parts`;
    throw new NestorError('PAYLOAD_TOO_LARGE', message, { field: 'body' });
  }

  /** Tokens; what has not been looked at yet, of which only the rows are known, is taken to be like what waits. */
  #costOf(rows: number, tokens: number): number {
    return Math.max(tokens, (rows * this.queue.tokens) / Math.max(1, this.queue.rows));
  }

  /** Tokens, or rows reckoned as such, by which it would be more than this part of the queue's room. */
  #excess(waiting: { readonly rows: number; readonly tokens: number }, rows: number, tokens: number, part: number): number {
    const { maxQueueItems, maxQueueTokens } = this.room;
    return Math.max(
      waiting.tokens + tokens - maxQueueTokens * part,
      ((waiting.rows + rows - maxQueueItems * part) * this.#costOf(rows, tokens)) / rows,
    );
  }

  /** Whoever fills a queue fills it for themselves: a tenant with nothing waiting, or less than its share of the room, gets in. */
  #checkShare(own: Backlog<JobEntry>, rows: number, tokens: number, excess: number): void {
    const part = this.queue.partOf(own);
    const beyond = this.#excess(own, rows, tokens, part);
    if (own.empty || beyond <= 0) return;
    const { maxQueueItems, maxQueueTokens } = this.room;
    const message = `${this.queue.rows} items wait already; the queue of this model admits ${maxQueueItems} items and ${maxQueueTokens} tokens`;
    const roomInMs = this.drainRate.secondsFor(Math.min(excess, beyond / part)) * 1000;
    throw new NestorError('QUEUE_FULL', message, { retryAfter: this.#turnIn(own, roomInMs, this.#costOf(rows, tokens) / part) });
  }

  /**
   * Seconds after which there is room. Each who is sent away is given a turn of their own (equal requests that met in flight have one
   * together), as if they stood in line with the others of their tenant, and told a time around it: in whole seconds those who are sent away one
   * after the other have the same turn, and would come back as they came, to be refused again.
   * @param roomInMs until there is room for the first in line.
   */
  #turnIn(own: Backlog<JobEntry>, roomInMs: number, tokens: number): number {
    const now = performance.now();
    const soonest = now + Math.min(roomInMs, LONGEST_RETRY_MS);
    own.lastTurn = Math.min(now + LONGEST_LINE_MS, Math.max(soonest, own.lastTurn + this.drainRate.secondsFor(tokens) * 1000));
    const told = soonest + Math.max(0, own.lastTurn - soonest) * (0.5 + this.#nextPlace());
    return Math.max(1, Math.ceil((Math.min(told, now + LONGEST_RETRY_MS) - now) / 1000));
  }

  /** Numbers from 0 to 1, of which any so many in a row are spread evenly: https://en.wikipedia.org/wiki/Low-discrepancy_sequence#Additive_recurrence */
  #nextPlace(): number {
    return (this.#place = (this.#place + GOLDEN_RATIO) % 1);
  }

  /** Queuing is fair: so many tokens wait for what of their tenant is due before them, and for others by their share, at most for the whole queue. */
  #expectedMs(own: Backlog<JobEntry>, tokens: number, length: number, urgency: number): number {
    const ahead = own.ahead(tokens, length, urgency) / this.queue.partOf(own);
    return this.drainRate.secondsFor(Math.min(this.queue.tokens, ahead)) * 1000;
  }
}
