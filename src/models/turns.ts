// Operations on one name follow one another; those on different names do not wait.

export class Turns {
  /** The last operation on each name. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** An operation on that name runs or waits. */
  taken(name: string): boolean {
    return this.#last.has(name);
  }

  /** Runs an operation once those before it on the same name are over, whatever became of them. */
  async take(name: string, operation: () => Promise<void>): Promise<void> {
    const turn = (this.#last.get(name) ?? Promise.resolve()).then(operation, operation);
    this.#last.set(name, turn);
    try {
      await turn;
    } finally {
      if (this.#last.get(name) === turn) this.#last.delete(name);
    }
  }
}
