// One limit of one tenant as this process counts it: out of its slice of the fleet's quota, or all by itself.
import type { Grant, Ledger } from './ledger.js';
import type { Limit } from './limit.js';

/** The window that an amount was counted in; false where it was refused. */
export type Taken = number | false;

export class Meter {
  #window = -1;
  /** Point of `performance.now()`. */
  #endsAt = -Infinity;
  /** What this process let through in this window. */
  #used = 0;
  /** What it has taken from the ledger and not let through yet. */
  #slice = 0;
  /** What the slice was when it was fetched last. */
  #fetched = 0;
  /** What the ledger had left when it said so last: of one amount it never becomes more before the window ends. */
  #left = Infinity;
  /** What all had taken of the ledger when it said so last: it never becomes less before the window ends, though the ledger may forget. */
  #known = 0;
  #fetching = false;
  #limit: Limit;

  /** @param key of this limit of this tenant in the ledger. */
  constructor(
    limit: Limit,
    private readonly key: string,
    private readonly ledger: Ledger | undefined,
  ) {
    this.#limit = limit;
  }

  get limit(): Limit {
    return this.#limit;
  }

  /** What is left of another amount the ledger has not said yet; of a lesser one no more is kept than it allows. */
  set limit(limit: Limit) {
    if (limit.count !== this.#limit.count) this.#left = Infinity;
    this.#limit = limit;
    this.#keep(this.#slice);
  }

  /** What is left in this window, as far as this process knows. */
  get remaining(): number {
    this.#roll();
    const { count } = this.limit;
    if (!this.ledger || this.ledger.away) return Math.max(0, count - this.#used);
    return Math.min(count, this.#left + this.#slice);
  }

  /** Whole seconds until the window ends, at least one. */
  get resetSeconds(): number {
    this.#roll();
    return Math.max(1, Math.ceil((this.#endsAt - performance.now()) / 1000));
  }

  /** Whether that much is known to be refused. */
  refuses(amount: number): boolean {
    return this.remaining < amount;
  }

  /** Whether that much may pass, and then it is counted. At once, unless the ledger has to be asked. */
  take(amount: number): Taken | Promise<Taken> {
    this.#roll();
    if (!this.ledger || this.ledger.away) return this.#takeHere(amount);
    if (this.#slice >= amount) {
      this.#slice -= amount;
      this.#used += amount;
      if (this.#slice < this.#fetched / 2) void this.#fetchAhead(this.ledger);
      return this.#window;
    }
    if (this.#slice + this.#left < amount) return false;
    return this.#takeThere(this.ledger, amount);
  }

  /** Takes back what was counted for something that was then refused; a window that is over has nothing to be given. */
  giveBack(amount: number, window: number): void {
    this.#roll();
    if (window !== this.#window) return;
    this.#used = Math.max(0, this.#used - amount);
    if (this.ledger && !this.ledger.away) this.#slice += amount;
  }

  #takeHere(amount: number): Taken {
    if (this.#used + amount > this.limit.count) return false;
    this.#used += amount;
    return this.#window;
  }

  async #takeThere(ledger: Ledger, amount: number): Promise<Taken> {
    const { own, window } = { own: this.#slice, window: this.#window };
    this.#slice = 0;
    try {
      // One of those who wait takes ahead: were it all of them, little would be left to other processes.
      const grant = await this.#ask(ledger, amount - own, !this.#fetching);
      this.#keep(this.#slice + grant.granted + (grant.window === window ? own : 0));
      if (this.#slice >= amount) {
        this.#slice -= amount;
        this.#used += amount;
        return this.#window;
      }
      // Of a window that had ended nothing counts: what was asked for beside it was too little.
      return grant.window !== window && (await this.take(amount));
    } catch {
      this.#roll();
      // With its own part: the ledger may have counted the rest, and say so yet.
      const taken = this.#takeHere(amount);
      if (taken !== false) return taken;
      if (this.#window === window) this.#keep(this.#slice + own);
      return false;
    }
  }

  async #fetchAhead(ledger: Ledger): Promise<void> {
    if (this.#fetching || this.#left === 0) return;
    const grant = await this.#ask(ledger, 0, true).catch(() => undefined);
    if (grant) this.#keep(this.#slice + grant.granted);
  }

  async #ask(ledger: Ledger, need: number, ahead: boolean): Promise<Grant> {
    const { count, seconds } = this.limit;
    const known = { window: this.#window, used: this.#known };
    if (ahead) this.#fetching = true;
    try {
      const grant = await ledger.claim({ key: this.key, count, seconds, need, ahead, known }, (late) => {
        if (late.window !== this.#window) return;
        this.#learn(count - late.left);
        // What it was needed for was decided here meanwhile.
        this.#keep(this.#slice + Math.max(0, late.granted - need));
      });
      if (grant.window !== this.#window) this.#begin(grant.window);
      this.#endsAt = performance.now() + grant.endsInMs;
      this.#learn(count - grant.left);
      if (count === this.limit.count) this.#left = grant.left;
      if (ahead) this.#fetched = Math.max(0, grant.granted - need);
      return grant;
    } finally {
      if (ahead) this.#fetching = false;
    }
  }

  /** Answers may come in another order than they were made. */
  #learn(used: number): void {
    this.#known = Math.max(this.#known, used);
  }

  /** Never more than this process may let through yet: the amount may have become less while the ledger was asked. */
  #keep(slice: number): void {
    this.#slice = Math.min(slice, Math.max(0, this.limit.count - this.#used));
  }

  /** Begins the next window by the clock of this machine, once the last has ended. */
  #roll(): void {
    const now = performance.now();
    if (now < this.#endsAt) return;
    const length = this.limit.seconds * 1000;
    const time = Date.now();
    this.#begin(Math.floor(time / length));
    this.#endsAt = now + length - (time % length);
  }

  #begin(window: number): void {
    this.#window = window;
    this.#used = 0;
    this.#slice = 0;
    this.#fetched = 0;
    this.#known = 0;
    this.#left = Infinity;
  }
}
