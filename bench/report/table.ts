// The results as Markdown, one table a cell.
import type { Cell, Results } from '../cell.ts';
import type { Server } from '../servers.ts';

const RPS = 'requestsPerSecond';

/** The first has a column of its own, the other is what some are reckoned from. */
const UNLISTED = [RPS, 'answered'];

/** Headings in the order of the columns; a figure that is not here goes by its own name. */
const HEADINGS = new Map([
  ['p50Ms', 'p50, ms'],
  ['p95Ms', 'p95, ms'],
  ['p99Ms', 'p99, ms'],
  ['healthP99Ms', '/health p99, ms'],
  ['memoryMiB', 'memory, MiB'],
  ['hitRate', 'hits, %'],
  ['cpuMicroseconds', 'CPU of a request, us'],
  ['errors', 'errors'],
]);

export function cellTable(cell: Cell, results: Results, servers: readonly Server[]): string {
  const measured = servers.filter(({ name }) => results.of(name, cell.name, RPS));
  if (measured.length === 0) return '';
  const figures = figuresOf(cell, results);
  const ceiling = cell.ofCeiling ? results.of('ceiling', cell.name, RPS) : undefined;
  const header = ['server', 'req/s (min - max)', 'x Nestor', ...(ceiling ? ['of ceiling'] : [])];
  const rows = measured.map(({ name, label }) => {
    const rate = results.of(name, cell.name, RPS);
    const share = (other: string): string => ratio(results.ratio(name, other, cell.name, RPS));
    return [
      name === 'nestor' ? `**${label}**` : label,
      rate ? `${number(rate.median)} (${number(rate.min)} - ${number(rate.max)})` : '',
      share('nestor'),
      ...(ceiling ? [share('ceiling')] : []),
      ...figures.map((figure) => number(results.median(name, cell.name, figure))),
    ];
  });
  const note = ceiling ? `\nCeiling: ${number(ceiling.median)} texts/s (${number(ceiling.min)} - ${number(ceiling.max)}).` : '';
  return `### ${cell.title}\n\n${markdown([...header, ...figures.map((figure) => HEADINGS.get(figure) ?? figure)], rows)}${note}`.trim();
}

/** Errors only where there were any. */
function figuresOf(cell: Cell, results: Results): string[] {
  const samples = results.samples.filter((sample) => sample.cell === cell.name && sample.server !== 'ceiling');
  const names = new Set([...HEADINGS.keys(), ...samples.flatMap((sample) => Object.keys(sample.figures))]);
  for (const name of UNLISTED) names.delete(name);
  return [...names].filter((name) => samples.some(({ figures }) => (name === 'errors' ? figures[name] : figures[name] !== undefined)));
}

export function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |\n`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [header, rule, ...rows].map(line).join('');
}

export function number(value: number): string {
  if (!Number.isFinite(value)) return '';
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(value >= 10 ? 3 : 2);
}

export function ratio(value: number): string {
  return Number.isFinite(value) ? value.toFixed(2) : '';
}
