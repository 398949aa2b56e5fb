// Puts measured text into docs/performance.md, between markers, and leaves the rest of the page alone.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PAGE } from '../paths.ts';

const INTRO = `# Performance

Nestor beside what a user would pick instead: the same model files, the same texts, the same load generator, one machine, one run.
Everything between the markers below was written by the bench itself; \`npm run bench\` and its like (\`bench:behaviour\`, \`bench:memory\`, ...) write it anew.
How it measures is in \`bench/README.md\`.
`;

export function writeSection(name: string, content: string): void {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const page = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : INTRO;
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  const section = `${begin}\n\n${content.trim()}\n\n${end}`;
  mkdirSync(dirname(PAGE), { recursive: true });
  writeFileSync(
    PAGE,
    from < 0 || to < from ? `${page.trimEnd()}\n\n${section}\n` : page.slice(0, from) + section + page.slice(to + end.length),
  );
}
