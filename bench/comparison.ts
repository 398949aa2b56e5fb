// The run itself: every round, every server, fresh and in turn; every cell of it.
import { checkAnswers } from './answers.ts';
import { Results, type Cell, type Context } from './cell.ts';
import { measureCeiling } from './ceiling.ts';
import type { Options } from './options.ts';
import { isBusy } from './quiet.ts';
import type { Server } from './servers.ts';
import { startServer, type RunningServer } from './server-process.ts';
import type { Bodies } from './texts.ts';

/** Texts that the ceiling is measured on: some seconds of work, and whole blocks of the corpus. */
const CEILING_TEXTS = 2000;

export class Comparison {
  readonly results = new Results();
  /** What has no figures, and why. */
  readonly skipped = new Map<string, string>();
  /** Starts that found the machine at work already. */
  disturbed = 0;
  private vectors: readonly (readonly number[])[] = [];
  private readonly options: Options;
  private readonly texts: readonly string[];
  private readonly bodies: Bodies;

  // Node strips types and no more, so no parameter properties here.
  constructor(options: Options, texts: readonly string[], bodies: Bodies) {
    this.options = options;
    this.texts = texts;
    this.bodies = bodies;
  }

  async run(servers: readonly Server[], cells: readonly Cell[], withCeiling: boolean): Promise<void> {
    for (const stage of [1, 2]) {
      const chosen = cells.filter((cell) => cell.stage === stage);
      for (let round = 0; round < this.options.rounds && chosen.length > 0; round++) {
        if (withCeiling && chosen.some((cell) => cell.ofCeiling)) await this.ceiling(round, chosen);
        // Each round begins with another server, so that none is always the one on a warm or a tired machine.
        const turn = round % servers.length;
        for (const server of [...servers.slice(turn), ...servers.slice(0, turn)]) {
          const own = chosen.filter(({ servers }) => (servers ? servers.includes(server.name) : !server.apart));
          if (own.length > 0 && !this.skipped.has(server.name)) await this.measure(server, own, round);
        }
      }
    }
  }

  skip(name: string, reason: string): void {
    if (!this.skipped.has(name)) console.log(`SKIPPED ${name}: ${reason}`);
    this.skipped.set(name, reason);
  }

  private offset(round: number): number {
    return (round * CEILING_TEXTS) % this.texts.length;
  }

  private async ceiling(round: number, cells: readonly Cell[]): Promise<void> {
    const from = this.offset(round);
    const { oneSession, oneProcessPerCore, vectors } = await measureCeiling(this.texts.slice(from, from + CEILING_TEXTS));
    if (round === 0) this.vectors = vectors;
    const figures = { requestsPerSecond: Math.max(oneSession, oneProcessPerCore), oneSession, oneProcessPerCore };
    console.log(`${label(round)} ceiling  ${describe(figures)}`);
    for (const cell of cells.filter((each) => each.ofCeiling)) {
      this.results.add({ round, server: 'ceiling', cell: cell.name, figures });
    }
  }

  private async measure(server: Server, cells: readonly Cell[], round: number): Promise<void> {
    let target: RunningServer | undefined;
    if (await isBusy()) {
      this.disturbed++;
      console.log('warning: something else is at work on this machine');
    }
    try {
      target = await startServer(server, String(round));
      if (!server.constant) await checkAnswers(target.url, this.texts, this.vectors, this.bodies);
      await this.measureCells(target, cells, round);
    } catch (error) {
      this.skip(server.name, (error as Error).message);
    } finally {
      await target?.stop();
    }
  }

  private async measureCells(target: RunningServer, cells: readonly Cell[], round: number): Promise<void> {
    const { options, bodies, results } = this;
    const context: Context = { options, bodies, round, offset: this.offset(round), results };
    for (const cell of cells) {
      const name = `${target.server.name} in ${cell.name}`;
      if (this.skipped.has(name)) continue;
      try {
        const figures = await cell.run(target, context);
        results.add({ round, server: target.server.name, cell: cell.name, figures });
        console.log(`${label(round)} ${name}  ${describe(figures)}`);
      } catch (error) {
        this.skip(name, (error as Error).message);
      }
    }
  }
}

function label(round: number): string {
  return `round ${round + 1}`;
}

function describe(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${value.toFixed(1)}`)
    .join('  ');
}
