// The picture: requests per second of every server at each number of clients, drawn by hand as SVG.
import type { Cell, Results } from '../cell.ts';
import type { Server } from '../servers.ts';

const LABELS = 270;
const PANEL = 210;
const GAP = 20;
const ROW = 24;
const TOP = 64;
const VALUE = 46;
const COLOURS = { nestor: '#0b7a75', fastapi: '#8aa1b4', litserve: '#b9a3c9', bentoml: '#d9b382' };

export function chart(cells: readonly Cell[], results: Results, servers: readonly Server[]): string {
  const rate = (server: string, cell: Cell): number => results.median(server, cell.name, 'requestsPerSecond');
  const shown = servers.filter(({ name }) => cells.some((cell) => rate(name, cell) > 0));
  const ceiling = Math.max(...cells.map((cell) => rate('ceiling', cell)).filter(Number.isFinite), 0);
  const most = Math.max(ceiling, ...cells.flatMap((cell) => shown.map(({ name }) => rate(name, cell))).filter(Number.isFinite));
  const scale = (value: number): number => (value / most) * (PANEL - VALUE);
  const bottom = TOP + shown.length * ROW;
  const width = LABELS + cells.length * (PANEL + GAP);

  const names = shown.map(({ label, name }, row) => {
    const weight = name === 'nestor' ? ' font-weight="700"' : '';
    return text(LABELS - 10, middle(row), label, `text-anchor="end"${weight}`);
  });
  const panels = cells.flatMap((cell, index) => {
    const left = LABELS + index * (PANEL + GAP);
    const bars = shown.flatMap(({ name, family }, row) => {
      const value = rate(name, cell);
      if (!(value > 0)) return [];
      const length = scale(value).toFixed(1);
      const bar = `<rect x="${left}" y="${TOP + row * ROW + 4}" width="${length}" height="${ROW - 8}" fill="${COLOURS[family]}"/>`;
      return [bar, text(left + scale(value) + 5, middle(row), value.toFixed(0), 'fill="#33414e"')];
    });
    return [
      text(left, TOP - 12, cell.title.replace('Embeddings, ', ''), 'font-weight="700"'),
      ...bars,
      ...limit(left, scale(ceiling), bottom),
    ];
  });
  const title = text(16, 24, 'all-minilm-l6-v2, texts per second (more is better)', 'font-size="15" font-weight="700"');
  const note = ceiling > 0 ? text(16, bottom + 28, `dashed: offline ceiling, ${ceiling.toFixed(0)} texts/s`, 'fill="#b3261e"') : '';
  const height = bottom + 42;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="Texts per second by server and number of clients">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    title,
    ...names,
    ...panels,
    note,
    '</svg>\n',
  ].join('\n');
}

function middle(row: number): number {
  return TOP + row * ROW + ROW / 2 + 4;
}

function limit(left: number, offset: number, bottom: number): string[] {
  if (offset === 0) return [];
  const x = (left + offset).toFixed(1);
  return [`<line x1="${x}" x2="${x}" y1="${TOP - 4}" y2="${bottom}" stroke="#b3261e" stroke-dasharray="4 3"/>`];
}

function text(x: number, y: number, content: string, attributes: string): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped}</text>`;
}
