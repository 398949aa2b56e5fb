// The series of an instrument by the values of their labels: counting is an addition to one of them, and prom-client only prints.
import type { Metric, Registry } from 'prom-client';

export interface FamilyOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  readonly registers: readonly Registry[];
}

type Labels = Readonly<Record<string, string>>;

export interface Exemplar {
  readonly labelSet: { readonly trace_id: string };
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

/** One line that is printed of a series. */
export interface Sample {
  /** Where it is not the name of the family. */
  readonly metricName?: string;
  /** Besides those of the series. */
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly exemplar?: Exemplar | undefined;
}

const NONE = {};

/** A place in the tree of series: a step a label. */
class Place<Series> {
  readonly next = new Map<string, Place<Series>>();
  series: Series | undefined;
}

/**
 * prom-client checks the labels and joins them to one text at every observation, bound or not: 0.3 us for a counter, 1 us for a
 * histogram. Here a series is found in 0.03 us, and one that is kept takes an addition, 0.005.
 */
export abstract class Family<Label extends string, Series> {
  abstract readonly type: 'counter' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly aggregator = 'sum';
  // Not #private: exposition.ts prints through an object that inherits from this one.
  private readonly labelNames: readonly Label[];
  private readonly root = new Place<Series>();
  private readonly all = new Map<Series, Labels>();

  constructor({ name, help, labelNames, registers }: FamilyOptions<Label>) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    // A registry asks a metric for its name, `get` and `reset`; its type names prom-client's own classes.
    for (const registry of registers) registry.registerMetric(this as unknown as Metric<Label>);
  }

  protected abstract made(): Series;

  protected abstract samples(series: Series): Sample[];

  /** The series of these values of the labels, in the order of their names. */
  labels(...values: readonly string[]): Series {
    let place = this.root;
    for (const value of values) {
      let next = place.next.get(value);
      if (!next) place.next.set(value, (next = new Place()));
      place = next;
    }
    return (place.series ??= this.added(values));
  }

  private added(values: readonly string[]): Series {
    if (values.length !== this.labelNames.length) throw new Error(`${this.name} has ${this.labelNames.length} labels; this is a bug`);
    const series = this.made();
    this.all.set(series, Object.fromEntries(this.labelNames.map((label, index) => [label, values[index] ?? ''])));
    return series;
  }

  remove(labels: Readonly<Record<Label, string>>): void {
    const removed = taken(this.root, this.labelNames.map((label) => labels[label])); // prettier-ignore
    if (removed !== undefined) this.all.delete(removed);
  }

  reset(): void {
    this.root.next.clear();
    this.root.series = undefined;
    this.all.clear();
  }

  async get() {
    const { values, ...family } = await this.getForPromString();
    return { ...family, values: values.map(({ sharedLabels, ...value }) => ({ ...value, labels: { ...value.labels, ...sharedLabels } })) };
  }

  /**
   * What a registry asks for where it prints. prom-client keeps the text of shared labels in a WeakMap, and puts an entry there for each
   * value that has none: a scrape of 1,300 buckets took 5.1 ms of the event loop, and takes 3.2.
   */
  getForPromString() {
    const { name, help, type, aggregator } = this;
    const values = [...this.all].flatMap(([series, labels]) =>
      this.samples(series).map((sample) => ({ ...sample, labels: sample.labels ?? NONE, sharedLabels: labels })),
    );
    return Promise.resolve({ name, help, type, aggregator, values });
  }
}

/** Takes the series at this place out of the tree, with the places that only led there. */
function taken<Series>(from: Place<Series>, [value, ...rest]: readonly string[]): Series | undefined {
  if (value === undefined) {
    const { series } = from;
    from.series = undefined;
    return series;
  }
  const place = from.next.get(value);
  const series = place && taken(place, rest);
  if (place?.next.size === 0 && place.series === undefined) from.next.delete(value);
  return series;
}
