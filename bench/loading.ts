// npm run bench:loading: what a preparation saves: the creation of a session, and the whole load of a model, with it and without.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadSeconds, MODEL, NOWHERE, repositoryOf } from './one-model.ts';
import { ROOT, WORK } from './paths.ts';
import { isBusy } from './quiet.ts';
import { describeMachine } from './report/machine.ts';
import { writeSection } from './report/page.ts';
import { spread, type Spread } from './report/statistics.ts';
import { markdown } from './report/table.ts';
import { startServer } from './server-process.ts';
import { nestor } from './servers.ts';

/** Most that a load from a preparation may take of one without. */
const MOST = 0.5;
const FOLDER = join(WORK, 'loading');
const MODES = ['shared', 'speed'] as const;

/** How a model is loaded: as it is, or from a preparation of that mode. */
interface Way {
  readonly label: string;
  readonly graph: string;
  readonly prepared: boolean;
  readonly environment: Readonly<Record<string, string>>;
}

/** Has the model prepared in both modes. @returns as it is first. */
async function ways(): Promise<Way[]> {
  const repository = repositoryOf(join(FOLDER, 'original'), 1, 'shared');
  const environment = { MODEL_REPOSITORY: repository, CACHE_DIR: NOWHERE, LOG_LEVEL: 'info' };
  const original: Way = { label: 'not prepared', graph: join(repository, MODEL, '1', 'model.onnx'), prepared: false, environment };
  const prepared: Way[] = [];
  for (const mode of MODES) {
    const cache = join(FOLDER, `cache-${mode}`);
    rmSync(cache, { recursive: true, force: true });
    const its = { ...environment, MODEL_REPOSITORY: repositoryOf(join(FOLDER, mode), 1, mode), CACHE_DIR: cache };
    await (await startServer(nestor, 'loading', its)).stop();
    const key = readdirSync(join(cache, 'prepared')).find((name) => /^[0-9a-f]{32}$/.test(name)) ?? '';
    prepared.push({ label: `\`memory: ${mode}\``, graph: join(cache, 'prepared', key, 'model.onnx'), prepared: true, environment: its });
  }
  return [original, ...prepared];
}

/** Milliseconds of `InferenceSession.create`, with the options of the server, in a process that has done nothing else. */
async function creation({ graph, prepared }: Way): Promise<number> {
  const { sessionOptions } = (await import(
    join(ROOT, 'dist/runtime/session-options.js')
  )) as typeof import('../src/runtime/session-options.ts');
  const options = sessionOptions({ provider: 'cpu', deviceId: 0, intraOpThreads: 1, spinning: false, prepared, entries: {} });
  return Number(
    execFileSync(process.execPath, [join(ROOT, 'bench/loading/create-session.ts'), graph, JSON.stringify(options)], { cwd: ROOT }),
  );
}

/** Milliseconds from the reading of the folder to the end of the warm-up, as a fresh server says. */
async function wholeLoad({ environment }: Way): Promise<number> {
  await (await startServer(nestor, 'loading', environment)).stop();
  return loadSeconds('loading') * 1000;
}

function row(what: string, way: Way, times: readonly number[], without: readonly number[]): { cells: string[]; ratio: Spread } {
  const [own, ratio] = [spread(times), spread(times.map((time, round) => time / (without[round] ?? NaN)))];
  const text = ({ median, min, max }: Spread, digits: number): string =>
    `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
  return { cells: [what, way.label, text(own, 0), way.prepared ? text(ratio, 2) : ''], ratio };
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
  mkdirSync(FOLDER, { recursive: true });
  const busy = await isBusy();
  const all = await ways();
  const cells: string[][] = [];
  let kept = true;
  for (const [what, measure] of [
    ['creation of a session', creation],
    ['whole load, one instance', wholeLoad],
  ] as const) {
    const times = all.map((): number[] => []);
    // In turns, so that whatever else the machine does meets all of them.
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [index, way] of all.entries()) times[index]?.push(await measure(way));
    }
    for (const [index, way] of all.entries()) {
      const { cells: line, ratio } = row(what, way, times[index] ?? [], times[0] ?? []);
      cells.push(line);
      if (way.prepared) kept &&= ratio.median <= MOST;
    }
  }
  const table = markdown(['', '', 'ms', 'of one not prepared'], cells);
  const section = `## Loading\n\n${describeMachine()}. \`${MODEL}\`, ${values.rounds} rounds in turns; medians, with the least and the most.${busy ? ' Something else was at work on the machine.' : ''}\n\n${table}`;
  console.log(section);
  writeSection('loading', section);
  return kept ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
