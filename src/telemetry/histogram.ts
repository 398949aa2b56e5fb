// A histogram on prom-client's registry whose observations cost a search among the buckets.
import { Family, type Exemplar, type FamilyOptions, type Sample } from './family.js';

interface Options<Label extends string> extends FamilyOptions<Label> {
  /** Upper bounds, ascending; the last bucket, of all that is larger, is added. */
  readonly buckets: readonly number[];
}

/** The observations under one set of labels. */
export class Series {
  /** Observations by bucket; not cumulative, one more than there are bounds. */
  readonly counts: Float64Array;
  readonly exemplars: (Exemplar | undefined)[] = [];
  sum = 0;

  constructor(private readonly bounds: Float64Array) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** @param traceId of the request that the value belongs to, where it is traced: the bucket then leads to an example. */
  observe(value: number, traceId?: string): void {
    const bucket = this.add(value, 1);
    if (traceId !== undefined) this.exemplars[bucket] = { labelSet: { trace_id: traceId }, value, timestamp: Date.now() / 1000 };
  }

  /** Adds `count` equal observations and says to which bucket. @throws TypeError when the value is no number: sums would be lost for good. */
  add(value: number, count: number): number {
    if (!Number.isFinite(value)) throw new TypeError(`an observation of ${value}; this is a bug`);
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= (this.bounds[middle] ?? Infinity)) high = middle;
      else low = middle + 1;
    }
    this.counts[low] = (this.counts[low] ?? 0) + count;
    this.sum += value * count;
    return low;
  }
}

export class Histogram<Label extends string> extends Family<Label, Series> {
  readonly type = 'histogram';
  private readonly bounds: Float64Array;

  constructor({ buckets, ...options }: Options<Label>) {
    super(options);
    this.bounds = Float64Array.from(buckets);
  }

  protected made(): Series {
    return new Series(this.bounds);
  }

  protected samples({ counts, exemplars, sum }: Series): Sample[] {
    const { name, bounds } = this;
    let count = 0;
    const buckets = Array.from(counts, (own, index): Sample => {
      count += own;
      return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? '+Inf' }, value: count, exemplar: exemplars[index] };
    });
    return [...buckets, { metricName: `${name}_sum`, value: sum }, { metricName: `${name}_count`, value: count }];
  }
}
