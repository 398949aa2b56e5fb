// npm run bench: Nestor beside its peers in one run; prints the tables and writes them into docs/performance.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bars, describeBar } from './bars.ts';
import type { Cell } from './cell.ts';
import { CELLS } from './cells/table.ts';
import { Comparison } from './comparison.ts';
import { installFamilies, installWrk } from './install.ts';
import { choose, readOptions, type Options } from './options.ts';
import { PICTURE, WORK } from './paths.ts';
import { chart } from './report/chart.ts';
import { describeMachine } from './report/machine.ts';
import { writeSection } from './report/page.ts';
import { cellTable } from './report/table.ts';
import { SERVERS, type Server } from './servers.ts';
import { keepsOrder } from './smoke.ts';
import { prepareBodies, readTexts } from './texts.ts';

function report(comparison: Comparison, cells: readonly Cell[], { rounds, turns, seconds }: Options): string {
  const { results, skipped, disturbed } = comparison;
  const tables = cells.map((cell) => cellTable(cell, results, SERVERS)).filter(Boolean);
  const gaps = [...skipped].map(([name, reason]) => `- ${name}: ${reason.split('\n')[0] ?? ''}`);
  const picture = '![Texts per second by server and number of clients](performance.svg)';
  const method = `Medians of ${rounds * turns} turns of ${seconds} s, in ${rounds} rounds with new processes; ratios turn by turn. ${describeMachine()}.`;
  const warning = `Not to be trusted: something else was at work on the machine when ${disturbed} rounds began.`;
  return [
    method,
    ...(disturbed > 0 ? [warning] : []),
    picture,
    ...tables,
    ...(gaps.length > 0 ? [`Not measured:\n\n${gaps.join('\n')}`] : []),
  ].join('\n\n');
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const servers = choose('server', options.only, SERVERS);
  const cells = choose('cell', options.cells, CELLS);
  const noWrk = installWrk(options.skipInstall);
  const families = new Set<Server['family']>(servers.map(({ family }) => family));
  const missing = installFamilies(families, options.skipInstall);
  const noPeer = [...missing].find(([family]) => family !== 'nestor')?.[1];
  if (noWrk || (options.smoke && noPeer)) {
    console.log(`SKIPPED the whole run: ${noWrk || String(noPeer)}`);
    return options.smoke ? 0 : 1;
  }

  const texts = readTexts();
  const comparison = new Comparison(options, texts, prepareBodies(texts));
  for (const { name, family } of servers) {
    const reason = missing.get(family);
    if (reason) comparison.skip(name, reason);
  }
  const withPython = [...families].some((family) => family !== 'nestor' && !missing.has(family));
  await comparison.run(servers, cells, withPython && !options.smoke);

  const { results, skipped } = comparison;
  const stamp = new Date().toISOString().replaceAll(':', '-');
  const raw = { machine: describeMachine(), options, skipped: Object.fromEntries(skipped), samples: results.samples };
  mkdirSync(WORK, { recursive: true });
  writeFileSync(join(WORK, `${stamp}.json`), JSON.stringify(raw, null, 1));
  if (options.smoke) return keepsOrder(results) ? 0 : 1;

  const text = report(comparison, cells, options);
  console.log(`\n${text}\n`);
  for (const bar of bars(results)) console.log(describeBar(bar));
  // A run of some of it must not replace the whole.
  if (options.only.length === 0 && options.cells.length === 0) {
    writeSection('bench', text);
    const shown = cells.filter(({ name }) => /^embed-\d+$/.test(name));
    writeFileSync(PICTURE, chart(shown, results, SERVERS));
  }
  return skipped.has('nestor') ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
