// The run itself: in every round all servers are started anew and stay up, and are asked in turns of a few seconds.
import { setTimeout as sleep } from 'node:timers/promises';
import { checkAnswers } from './answers.ts';
import { Results, type Cell, type Context } from './cell.ts';
import { Ceiling } from './ceiling.ts';
import type { Options } from './options.ts';
import { isBusy } from './quiet.ts';
import type { Server } from './servers.ts';
import { startServer, type RunningServer } from './server-process.ts';
import type { Bodies } from './texts.ts';

/** Texts that the ceiling is measured on in a turn: some seconds of work, and whole blocks of the corpus. */
const CEILING_TEXTS = 1000;
/** Texts whose vectors are compared before a server is measured. */
const CHECKED_TEXTS = 8;

/** Whoever takes more of a core while nobody asks it would slow the others down. */
const IDLE_SHARE = 0.02;
const IDLE_SECONDS = 2;

export class Comparison {
  readonly results = new Results();
  /** What has no figures, and why. */
  readonly skipped = new Map<string, string>();
  /** Rounds that found the machine at work already. */
  disturbed = 0;
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
      const taking = servers.filter((server) => chosen.some((cell) => takesPart(server, cell)));
      for (let round = 0; round < this.options.rounds && taking.length > 0; round++) {
        const ceiling = withCeiling ? new Ceiling() : undefined;
        const running: RunningServer[] = [];
        try {
          const vectors = (await ceiling?.vectors(this.texts.slice(0, CHECKED_TEXTS))) ?? [];
          for (const server of taking) running.push(...(await this.start(server, round, vectors)));
          await this.hold(running);
          for (const cell of chosen) await this.measure(cell, running, round, cell.ofCeiling ? ceiling : undefined);
        } finally {
          for (const target of running) await target.stop();
          ceiling?.stop();
        }
      }
    }
  }

  skip(name: string, reason: string): void {
    if (!this.skipped.has(name)) console.log(`SKIPPED ${name}: ${reason}`);
    this.skipped.set(name, reason);
  }

  /** None where it cannot be started, or answers wrongly. */
  private async start(server: Server, round: number, vectors: readonly (readonly number[])[]): Promise<RunningServer[]> {
    if (this.skipped.has(server.name)) return [];
    let target: RunningServer | undefined;
    try {
      target = await startServer(server, String(round));
      if (!server.constant) await checkAnswers(target.url, this.texts, vectors, this.bodies);
      return [target];
    } catch (error) {
      await target?.stop();
      this.skip(server.name, (error as Error).message);
      return [];
    }
  }

  /** Stops the processes of those that are at work with nothing to do, and looks whether something else is. */
  private async hold(running: readonly RunningServer[]): Promise<void> {
    await sleep(IDLE_SECONDS * 1000);
    const before = running.map((target) => target.cpuSeconds());
    await sleep(IDLE_SECONDS * 1000);
    for (const [index, target] of running.entries()) {
      const share = (target.cpuSeconds() - (before[index] ?? 0)) / IDLE_SECONDS;
      if (share < IDLE_SHARE) continue;
      const percent = (share * 100).toFixed(0);
      console.log(`${target.server.name} takes ${percent} % of a core with nothing to do: it stands still while others are measured`);
      target.hold();
    }
    if (await isBusy()) {
      this.disturbed++;
      console.log('warning: something else is at work on this machine');
    }
  }

  private async measure(cell: Cell, running: readonly RunningServer[], round: number, ceiling: Ceiling | undefined): Promise<void> {
    const { turns } = this.options;
    const own = running.filter(({ server }) => takesPart(server, cell));
    for (const target of own) await this.attempt(target, cell, () => cell.warmUp(target, this.context(round * turns)));
    for (let turn = round * turns; turn < (round + 1) * turns; turn++) {
      const context = this.context(turn);
      if (ceiling) {
        const figures = await ceiling.rates(this.texts.slice(context.offset, context.offset + CEILING_TEXTS));
        this.add(turn, 'ceiling', cell, { requestsPerSecond: Math.max(figures.oneSession, figures.oneProcessPerCore), ...figures });
      }
      // Each turn begins with another server, so that none is always the one after the ceiling.
      const first = turn % Math.max(1, own.length);
      for (const target of [...own.slice(first), ...own.slice(0, first)]) {
        await this.attempt(target, cell, async () => {
          this.add(turn, target.server.name, cell, await cell.run(target, context));
        });
      }
    }
  }

  private context(turn: number): Context {
    const { options, bodies, results } = this;
    return { options, bodies, turn, offset: (turn * CEILING_TEXTS) % this.texts.length, results };
  }

  private async attempt(target: RunningServer, cell: Cell, work: () => Promise<void>): Promise<void> {
    const name = `${target.server.name} in ${cell.name}`;
    if (this.skipped.has(name)) return;
    try {
      await target.awake(work);
    } catch (error) {
      this.skip(name, (error as Error).message);
    }
  }

  private add(turn: number, server: string, cell: Cell, figures: Readonly<Record<string, number>>): void {
    this.results.add({ turn, server, cell: cell.name, figures });
    console.log(`turn ${turn + 1} ${server} in ${cell.name}  ${describe(figures)}`);
  }
}

function takesPart(server: Server, cell: Cell): boolean {
  return cell.servers ? cell.servers.includes(server.name) : !server.apart;
}

function describe(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${value.toFixed(1)}`)
    .join('  ');
}
