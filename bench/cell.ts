// What a cell of the comparison is, and what comes out of one.
import type { Options } from './options.ts';
import type { RunningServer } from './server-process.ts';
import { spread, type Spread } from './report/statistics.ts';
import type { Bodies } from './texts.ts';

/** Figures by name; report/table.ts knows how to head the usual ones. */
export type Figures = Readonly<Record<string, number>>;

export interface Sample {
  readonly round: number;
  readonly server: string;
  readonly cell: string;
  readonly figures: Figures;
}

export interface Context {
  readonly options: Options;
  readonly bodies: Bodies;
  readonly round: number;
  /** Where this round begins in the bodies. */
  readonly offset: number;
  readonly results: Results;
}

export interface Cell {
  readonly name: string;
  readonly title: string;
  /** A cell of stage 2 runs after all rounds of stage 1 and may use their results. */
  readonly stage: 1 | 2;
  /** Names of the servers that it is about; undefined: all but those that stand apart. */
  readonly servers?: readonly string[];
  /** Whether the offline ceiling is a limit for its requests per second. */
  readonly ofCeiling: boolean;
  /** Throws to say why a server has no figures here. */
  readonly run: (target: RunningServer, context: Context) => Promise<Figures>;
}

/** Everything measured so far. */
export class Results {
  readonly samples: Sample[] = [];

  add(sample: Sample): void {
    this.samples.push(sample);
  }

  /** Over the rounds; undefined when nothing was measured. */
  of(server: string, cell: string, figure: string): Spread | undefined {
    const values = this.samples
      .filter((sample) => sample.server === server && sample.cell === cell)
      .flatMap((sample) => sample.figures[figure] ?? []);
    return values.length > 0 ? spread(values) : undefined;
  }

  median(server: string, cell: string, figure: string): number {
    return this.of(server, cell, figure)?.median ?? NaN;
  }

  servers(): string[] {
    return [...new Set(this.samples.map((sample) => sample.server))];
  }

  /** The FastAPI form with the most requests per second. */
  bestFastapi(cell: string): string | undefined {
    const rate = (server: string): number => this.of(server, cell, 'requestsPerSecond')?.median ?? 0;
    const forms = this.servers().filter((server) => server.startsWith('fastapi-') && rate(server) > 0);
    return forms.toSorted((a, b) => rate(b) - rate(a))[0];
  }
}
