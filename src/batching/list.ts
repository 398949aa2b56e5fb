// Things in the order in which they came; each can leave from wherever it stands.

/** Where something stands. */
class Place<T> {
  before: Place<T> = this;
  after: Place<T> = this;

  constructor(readonly value: T) {}

  /** Once: it refers to nobody from then on, and nobody to it. */
  leave(): void {
    this.before.after = this.after;
    this.after.before = this.before;
    this.before = this.after = this;
  }
}

export type { Place };

/**
 * In place of a Set, which is a table that is copied to a new one again and again while things come and go. V8 lets each of these refer to
 * the next: once one of them has grown old, all that ever stood there lives until the whole heap is looked through. Of requests of 45 kB that
 * was 2.0 kB each, in place of 0.15, and young collections took 4 ms in place of 1.
 */
export class List<T> {
  /** Before the first and after the last. */
  readonly #end = new Place<T | undefined>(undefined);

  get empty(): boolean {
    return this.#end.after === this.#end;
  }

  get first(): T | undefined {
    return this.#end.after.value;
  }

  add(value: T): Place<T | undefined> {
    const place = new Place<T | undefined>(value);
    place.after = this.#end;
    place.before = this.#end.before;
    this.#end.before = place.before.after = place;
    return place;
  }

  /** What it has come to may leave meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    for (let place = this.#end.after; place !== this.#end;) {
      const { value, after } = place;
      yield value as T;
      place = after;
    }
  }
}
