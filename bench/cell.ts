// What a cell of the comparison is, and what comes out of one.
import type { Options } from './options.ts';
import type { RunningServer } from './server-process.ts';
import { spread, type Spread } from './report/statistics.ts';
import type { Bodies } from './texts.ts';

/** Figures by name; report/table.ts knows how to head the usual ones. */
export type Figures = Readonly<Record<string, number>>;

export interface Sample {
  /** Counted through all rounds. */
  readonly turn: number;
  readonly server: string;
  readonly cell: string;
  readonly figures: Figures;
}

export interface Context {
  readonly options: Options;
  readonly bodies: Bodies;
  readonly turn: number;
  /** Where this turn begins in the bodies. */
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
  /** What is asked before the turns of a round. */
  readonly warmUp: (target: RunningServer, context: Context) => Promise<void>;
  /** One turn. Throws to say why a server has no figures here. */
  readonly run: (target: RunningServer, context: Context) => Promise<Figures>;
}

/** Everything measured so far. */
export class Results {
  readonly samples: Sample[] = [];

  add(sample: Sample): void {
    this.samples.push(sample);
  }

  /** Over the turns; undefined when nothing was measured. */
  of(server: string, cell: string, figure: string): Spread | undefined {
    const values = [...this.byTurn(server, cell, figure).values()];
    return values.length > 0 ? spread(values) : undefined;
  }

  /** The median of what the one had of the other, turn by turn: a machine whose speed changes meanwhile does not change it. */
  ratio(server: string, other: string, cell: string, figure: string): number {
    const others = this.byTurn(other, cell, figure);
    const ratios = [...this.byTurn(server, cell, figure)].map(([turn, value]) => value / (others.get(turn) ?? NaN));
    return spread(ratios.filter(Number.isFinite)).median;
  }

  median(server: string, cell: string, figure: string): number {
    return this.of(server, cell, figure)?.median ?? NaN;
  }

  private byTurn(server: string, cell: string, figure: string): Map<number, number> {
    const samples = this.samples.filter((sample) => sample.server === server && sample.cell === cell);
    return new Map(samples.flatMap(({ turn, figures }) => (figures[figure] === undefined ? [] : [[turn, figures[figure]]])));
  }

  servers(): string[] {
    return [...new Set(this.samples.map((sample) => sample.server))];
  }

  /** The FastAPI form that is best in a cell: by its requests per second, where nothing else is said. */
  bestFastapi(cell: string, score = (form: string): number => this.median(form, cell, 'requestsPerSecond')): string | undefined {
    const forms = this.servers().filter((server) => server.startsWith('fastapi-') && Number.isFinite(score(server)));
    return forms.toSorted((a, b) => score(b) - score(a))[0];
  }
}
