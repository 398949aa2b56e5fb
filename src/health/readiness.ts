// What must hold for the process to be sent traffic; whoever knows something registers it here.
import { Injectable } from '@nestjs/common';
import type { HealthIndicatorFunction } from '@nestjs/terminus';

@Injectable()
export class Readiness {
  readonly #indicators: HealthIndicatorFunction[] = [];
  #started = false;
  #draining = false;
  readonly #leaving = new AbortController();
  #condemned = false;
  readonly #onCondemned: (() => void)[] = [];

  get indicators(): readonly HealthIndicatorFunction[] {
    return this.#indicators;
  }

  /** Start-up is over: what was to be loaded is loaded. */
  get started(): boolean {
    return this.#started;
  }

  /** The process is on its way out: it serves what comes, and asks that no more be sent. */
  get draining(): boolean {
    // Every answer asks: to ask the signal took 3 % of the event loop that a small request takes.
    return this.#draining;
  }

  /** Aborted when `draining` begins, for those who must tell somebody. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  /** Something failed that only a new process can mend. */
  get condemned(): boolean {
    return this.#condemned;
  }

  register(indicator: HealthIndicatorFunction): void {
    this.#indicators.push(indicator);
  }

  start(): void {
    this.#started = true;
  }

  drain(): void {
    this.#draining = true;
    this.#leaving.abort();
  }

  condemn(): void {
    if (this.#condemned) return;
    this.#condemned = true;
    for (const listener of this.#onCondemned) listener();
  }

  /** For whoever can end the process. */
  onCondemned(listener: () => void): void {
    this.#onCondemned.push(listener);
  }
}
