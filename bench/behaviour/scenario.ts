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
  /** Most items that may wait for the embedding model, where the scenario wants another limit than the default. */
  readonly maxQueueItems?: number;
  /** Nestor's settings, where the scenario wants others than every measurement. */
  readonly environment?: Readonly<Record<string, string>>;
  run(course: Course): Promise<Outcome>;
}
