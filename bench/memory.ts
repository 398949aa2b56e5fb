// npm run bench:memory: memory, load time and throughput by the number of instances, in both modes, beside uvicorn's workers.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installFamilies } from './install.ts';
import { closedLoop, forSeconds } from './load/closed.ts';
import { postJson } from './load/http.ts';
import { loadSeconds, MODEL, NOWHERE, repositoryOf } from './one-model.ts';
import { WORK } from './paths.ts';
import { describeMachine } from './report/machine.ts';
import { writeSection } from './report/page.ts';
import { markdown } from './report/table.ts';
import { fastapi, nestor, type Server } from './servers.ts';
import { startServer } from './server-process.ts';
import { readTexts } from './texts.ts';

const COUNTS = [1, 2, 4];
const CLIENTS = 8;
const FOLDER = join(WORK, 'memory');

interface Row {
  readonly label: string;
  readonly count: number;
  readonly pssMiB: number;
  readonly textsPerSecond: number;
  readonly loadSeconds?: { readonly first: number; readonly next: number };
}

/** Starts it, has it serve for a while, and looks. */
async function measure(server: Server, run: string, environment: Record<string, string>, texts: readonly string[], seconds: number) {
  const running = await startServer(server, run, environment);
  try {
    const send = (index: number) =>
      postJson(`${running.url}/v1/embeddings`, JSON.stringify({ model: MODEL, input: texts[index % texts.length] }));
    await closedLoop(CLIENTS, send, forSeconds(seconds / 2));
    const latencies = await closedLoop(CLIENTS, send, forSeconds(seconds));
    return { pssMiB: running.memoryMiB(), textsPerSecond: latencies.length / seconds };
  } finally {
    await running.stop();
  }
}

async function nestorRow(
  label: string,
  memory: string,
  count: number,
  texts: readonly string[],
  seconds: number,
  cache?: string,
): Promise<Row> {
  const environment = {
    MODEL_REPOSITORY: repositoryOf(FOLDER, count, memory),
    CACHE_DIR: cache ?? join(FOLDER, `cache-${memory}-${count}`),
    LOG_LEVEL: 'info',
  };
  rmSync(join(FOLDER, `cache-${memory}-${count}`), { recursive: true, force: true });
  await (await startServer(nestor, 'memory-first', environment)).stop();
  const figures = await measure(nestor, 'memory-next', environment, texts, seconds);
  return { label, count, ...figures, loadSeconds: { first: loadSeconds('memory-first'), next: loadSeconds('memory-next') } };
}

function table(rows: readonly Row[]): string {
  const first = (row: Row): Row => rows.find(({ label }) => label === row.label) ?? row;
  const further = (row: Row): string => (row.count === 1 ? '' : ((row.pssMiB - first(row).pssMiB) / (row.count - 1)).toFixed(1));
  const cells = rows.map((row) => [
    row.label,
    String(row.count),
    row.pssMiB.toFixed(0),
    further(row),
    row.textsPerSecond.toFixed(0),
    row.loadSeconds?.first.toFixed(2) ?? '',
    row.loadSeconds?.next.toFixed(2) ?? '',
  ]);
  return markdown(
    ['', 'instances or workers', 'PSS, MiB', 'each further one, MiB', `texts/s, ${CLIENTS} clients`, 'first load, s', 'next load, s'],
    cells,
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '6' }, 'skip-install': { type: 'boolean', default: false } },
  });
  const seconds = Number(values.seconds);
  const texts = readTexts();
  mkdirSync(FOLDER, { recursive: true });
  const rows: Row[] = [];
  for (const count of COUNTS) rows.push(await nestorRow('Nestor, `memory: shared`', 'shared', count, texts, seconds));
  for (const count of COUNTS) rows.push(await nestorRow('Nestor, `memory: speed`', 'speed', count, texts, seconds));
  for (const count of COUNTS) rows.push(await nestorRow('Nestor, not prepared', 'shared', count, texts, seconds, NOWHERE));
  const missing = installFamilies(new Set(['fastapi']), values['skip-install']).get('fastapi');
  for (const count of missing === undefined ? COUNTS : []) {
    const server = fastapi(`memory-${count}`, `${count} workers`, 'fastapi_threadpool', 1, count);
    rows.push({ label: 'FastAPI, uvicorn', count, ...(await measure(server, 'memory', {}, texts, seconds)) });
  }
  const section = table(rows);
  console.log(section);
  if (missing !== undefined) console.log(`SKIPPED: FastAPI: ${missing}`);
  else writeSection('memory', `## Memory\n\n${describeMachine()}. \`${MODEL}\`, ${seconds} s of load each.\n\n${section}`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await main();
