// What a scenario of behaviour.ts is: it drives Nestor and says which of its promises were kept.
import type { Bar } from '../bars.ts';

export interface Course {
  readonly url: string;
  readonly texts: readonly string[];
  /** Length of one measurement. */
  readonly seconds: number;
}

export interface Outcome {
  readonly bars: readonly Bar[];
  /** Figures that explain the bars. */
  readonly figures: Readonly<Record<string, number>>;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** `queue` of the embedding model's model.yaml, where the scenario wants other limits than the default. */
  readonly queue?: Readonly<Record<string, number>>;
  /** Nestor's settings, where the scenario wants others than every measurement. */
  readonly environment?: Readonly<Record<string, string>>;
  run(course: Course): Promise<Outcome>;
}
