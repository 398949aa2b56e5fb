// What the pages say of the code: every variable, metric, error code, command and file that they name exists, and none is left out.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { getMetadataStorage } from 'class-validator';
import { Registry } from 'prom-client';
import { parse } from 'yaml';
import { Environment } from '../src/config/environment.js';
import { ERRORS } from '../src/errors.js';
import { Manifest } from '../src/models/manifest.js';
import { Metrics } from '../src/telemetry/metrics.js';
import { ROOT } from './setup/paths.js';

type Type = abstract new (...args: never[]) => object;

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const paths = (pattern: string): string[] => globSync(pattern, { cwd: ROOT }).sort();

const pages = new Map(paths('{*,docs/*,bench/**/*,clients/*/*,helm/*/*,models/*/*}.md').map((path) => [path, read(path)]));
/** What was, and is called otherwise now. */
const HISTORY = 'CHANGELOG.md';
const npm = JSON.parse(read('package.json')) as { readonly version: string; readonly scripts: Record<string, string> };
const current = [...pages].flatMap(([path, text]) => (path === HISTORY ? [] : text)).join('\n');

/** The cells of the rows of every table whose head begins so. */
const rowsUnder = (head: string, text = current): string[][] =>
  text
    .split(`\n${head}`)
    .slice(1)
    .flatMap((rest) => rest.slice(0, rest.search(/\n(?!\|)/)).split('\n').slice(2))
    .map((row) => row.split('|').slice(1).map((cell) => cell.trim())); // prettier-ignore
const quoted = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);

describe('variables', () => {
  const defaults = new Map<string, unknown>(Object.entries(new Environment()));
  /** OpenTelemetry's SDK reads more of them. */
  const isOurs = (name: string): boolean => defaults.has(name) || !name.startsWith('OTEL_');
  const rows = rowsUnder('| variable | default |').map(([names, values]) => ({
    names: quoted(names).filter((name) => !name.startsWith('_')),
    values: (values ?? '').replaceAll('`', '').split(', ').filter(Boolean),
  }));
  const shown = (value: unknown): unknown[] => (typeof value === 'boolean' ? [value ? 'on' : 'off', String(value)] : [String(value)]);

  it('are all documented', () => {
    expect([...defaults.keys()].filter((name) => !current.includes(`\`${name}\``) && !current.includes(`\`${name}=`))).toEqual([]);
  });

  it('of the tables exist, with those defaults', () => {
    const named = rows.flatMap(({ names, values }) => names.map((name, index) => ({ name, value: values[index] })));
    expect(named.length).toBeGreaterThan(defaults.size / 2);
    const wrong = named.filter(
      ({ name, value }) => isOurs(name) && !(defaults.has(name) && (value === undefined || shown(defaults.get(name)).includes(value))),
    );
    expect(wrong).toEqual([]);
  });
});

describe('keys of model.yaml', () => {
  const rulesOf = (type: Type): string[] =>
    getMetadataStorage()
      .getTargetValidationMetadatas(type, '', true, false)
      .map(({ propertyName }) => propertyName);
  /** Those of a class, and of the classes of its properties with a dot in front. */
  const keysOf = (type: Type): string[] =>
    [...new Set(rulesOf(type))].flatMap((key) => {
      const inner = Reflect.getMetadata('design:type', type.prototype as object, key) as Type | undefined;
      const within = inner && rulesOf(inner).length > 0 ? keysOf(inner).map((name) => `${key}.${name}`) : [];
      return within.length > 0 ? within : key;
    });

  it('are those of the table, all of them', () => {
    const rows = rowsUnder('| key | default |', pages.get('docs/models.md'));
    const told = rows.flatMap(([cell]) => quoted(cell).map((key) => key.replace('.<name>', '')));
    expect(told.sort()).toEqual(keysOf(Manifest).sort());
  });
});

describe('metrics', () => {
  const registry = new Registry();
  new Metrics(registry);
  const names = registry.getMetricsAsArray().map(({ name }) => name);
  const isMetric = (name: string): boolean => names.includes(name.replace(/_(bucket|sum|count)$/, '')) || names.includes(name);

  it('are all documented', () => {
    const bare = (name: string): string => name.replace(/^nestor_/, '');
    expect(names.filter((name) => !new RegExp(`\`(nestor_)?${bare(name)}[\`{]`).test(current))).toEqual([]);
  });

  it('of the pages exist', () => {
    const told = new Set(current.match(/\bnestor_[a-z_]+[a-z]\b(?!\*)/g));
    // What the Prometheus adapter of the chart makes of one.
    told.delete('nestor_queue_wait_seconds_p');
    const short = rowsUnder('| instrument | labels | recorded |').flatMap(([cell]) => quoted(cell).map((name) => `nestor_${name}`));
    expect(told.size + short.length).toBeGreaterThan(names.length);
    expect([...told, ...short].filter((name) => !isMetric(name))).toEqual([]);
  });
});

it('every alert has its row, and every row its alert', () => {
  const { groups } = parse(read('helm/nestor/files/rules.yaml')) as { groups: { rules: { alert?: string }[] }[] };
  const alerts = groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []));
  expect(rowsUnder('| alert | fires when | look at | do |').flatMap(([cell]) => quoted(cell))).toEqual(alerts);
});

it('every code of an error has its place on the path', () => {
  const path = read('docs/lifecycle.md');
  expect(Object.keys(ERRORS).filter((code) => !new RegExp(`\\b${code}\\b`).test(path))).toEqual([]);
});

it('the version of package.json is that of the images, of the chart and of the examples', () => {
  const examples = ['README.md', 'clients/typescript/README.md', 'docs/deployment.md', 'helm/nestor/README.md'];
  const told = ['Dockerfile', 'docker-compose.yaml', 'helm/nestor/Chart.yaml', ...examples].flatMap((path) =>
    [...read(path).matchAll(/(?:ARG VERSION=|nestor:|nestor-|nestor-client-|^version: |^appVersion: )(\d+\.\d+\.\d+)/gm)].map(
      ([, version]) => version,
    ),
  );
  expect(told.length).toBeGreaterThan(5);
  expect(new Set(told)).toEqual(new Set([npm.version]));
});

it('every command is one of package.json', () => {
  const commands = [...current.matchAll(/npm run (?:--silent )?([a-z][a-z:-]*[a-z])/g)].map(([, name = '']) => name);
  expect(commands.length).toBeGreaterThan(10);
  expect(commands.filter((name) => !(name in npm.scripts))).toEqual([]);
});

describe('files', () => {
  it('that links lead to are there, with their headings', () => {
    const links = [...pages].flatMap(([page, text]) =>
      [...text.replaceAll(/^```.*?^```/gms, '').matchAll(/\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)/g)].map(([, path = '', heading]) => ({
        page,
        target: path === '' ? page : join(dirname(page), path),
        heading,
      })),
    );
    const isDead = ({ target, heading }: (typeof links)[number]): boolean =>
      !existsSync(join(ROOT, target)) || (heading !== undefined && !headings(target).includes(heading));
    expect(links.length).toBeGreaterThan(50);
    expect(links.filter(isDead)).toEqual([]);
  });

  it('that pages and comments name are there', () => {
    const sources = paths('{src,test,bench,scripts,clients/*/{src,test}}/**/*.{ts,js,mjs,py,sh,yaml}').filter(
      (path) => !path.includes('_pb.'),
    );
    const there = [...sources, ...pages.keys(), ...paths('{src,models,bench}/**/*.{proto,py}')];
    const named = [...sources.map((path) => [path, read(path)] as const), ...pages].flatMap(([path, text]) =>
      [...text.matchAll(/(?<![\w./'-])((?:[\w-]+\/)+[\w.-]+\.(?:ts|mjs|proto|py|sh|md))\b/g)].map(([, name = '']) => ({ path, name })),
    );
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter(({ name }) => !there.some((one) => one === name || one.endsWith(`/${name}`)))).toEqual([]);
  });
});

/** The anchors of a page, as GitHub makes them of its headings. */
function headings(page: string): string[] {
  const anchor = (text: string): string => text.toLowerCase().replaceAll(/[^\w\- ]/g, '').replaceAll(' ', '-'); // prettier-ignore
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => anchor(text));
}
