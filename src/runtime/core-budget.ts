// How many threads may compute at once, over all models: never more than there are cores.
import { availableCores } from './cores.js';

interface Waiter {
  readonly cores: number;
  readonly wake: () => void;
}

/**
 * Hands out cores first come, first served. More busy threads than cores cost throughput and, worse, the event
 * loop its turn, so every run of every model takes its cores here and gives them back.
 */
export class CoreBudget {
  #free: number;
  readonly #waiters: Waiter[] = [];

  /** @param total defaults to the cores that the process may use. */
  constructor(readonly total: number = availableCores()) {
    this.#free = total;
  }

  /** True while somebody waits for cores: who holds some should not prolong its stay. */
  get contended(): boolean {
    return this.#waiters.length > 0;
  }

  /** Takes the cores if they are free and nobody waits, else takes nothing. */
  tryTake(cores: number): boolean {
    if (this.contended || this.#free < cores) return false;
    this.#free -= cores;
    return true;
  }

  /** Calls `taken` once the cores have been taken on its behalf, in the order of the asking. */
  take(cores: number, taken: () => void): void {
    if (cores > this.total) throw new Error(`${cores} cores can never be had from ${this.total}; this is a bug`);
    this.#waiters.push({ cores, wake: taken });
    this.#serve();
  }

  give(cores: number): void {
    this.#free += cores;
    this.#serve();
  }

  #serve(): void {
    for (let first = this.#waiters[0]; first && this.#free >= first.cores; first = this.#waiters[0]) {
      this.#waiters.shift();
      this.#free -= first.cores;
      first.wake();
    }
  }
}
