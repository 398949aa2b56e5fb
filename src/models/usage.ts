// Who uses a model version right now, and since when nobody does: it ends only when nobody does.

export class Usage {
  #holders = 0;
  #lastUsed = performance.now();
  readonly #waiting: (() => void)[] = [];

  /** Keeps the model alive until the returned function is called, which may be called again. */
  hold(): () => void {
    this.#holders += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holders -= 1;
      this.#lastUsed = performance.now();
      if (this.#holders === 0) for (const released of this.#waiting.splice(0)) released();
    };
  }

  /** It was asked for, though what is remembered has answered. */
  touch(): void {
    this.#lastUsed = performance.now();
  }

  /** Nobody holds it. */
  get idle(): boolean {
    return this.#holders === 0;
  }

  /** Point of `performance.now()` at which it was released, or asked for, last. */
  get lastUsed(): number {
    return this.idle ? this.#lastUsed : performance.now();
  }

  /** Resolves once nobody holds it. */
  async released(): Promise<void> {
    if (!this.idle) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
