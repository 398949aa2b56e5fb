// A counter on prom-client's registry to which counting is an addition.
import { Family, type Sample } from './family.js';

/** What was counted under one set of labels. */
export class Count {
  value = 0;

  /** @throws TypeError for what is no number, or negative: a counter never becomes less. */
  inc(by = 1): void {
    if (!(by >= 0 && by < Infinity)) throw new TypeError(`a count of ${by}; this is a bug`);
    this.value += by;
  }
}

export class Counter<Label extends string> extends Family<Label, Count> {
  readonly type = 'counter';

  protected made(): Count {
    return new Count();
  }

  protected samples({ value }: Count): Sample[] {
    return [{ value }];
  }
}
