// Panels, rules and the documented queries on a real Prometheus that scrapes the server under load.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { wrk } from '../../bench/load/wrk.js';
import { asked, dashboard } from '../prometheus/dashboard.js';
import { Prometheus, RULES } from '../prometheus/prometheus.js';
import { post, send } from '../setup/client.js';
import { digits, MINILM, sentences } from '../setup/fixtures.js';
import { inParallel } from '../setup/load.js';
import { ROOT } from '../setup/paths.js';
import { limited, removeRepositories, written } from '../setup/repository.js';
import { Server } from '../setup/server.js';
import { debian, outcome } from '../setup/tools.js';

const CLIENTS = 4;
const REQUESTS = 400;
/** Long ones: what the client itself takes is then little of the whole. */
const texts = sentences().flatMap(({ text, ids }) => (ids.length > 60 ? text : []));
const longest = texts.reduce((one, other) => (other.length > one.length ? other : one));
/** Series that only some have: with a cache, an NVIDIA GPU, or kube-state-metrics; and those of builds that have them. */
const CONDITIONAL =
  /^(nestor_cache_|nestor_coalesced_|nestor_gpu_|nestor_model_memory_|nestor_model_load_failures_|nestor_event_loop_|nestor_tenant_|kube_)/;
const METRIC = /\b(?:nestor|nodejs|process|kube)_[a-z0-9_]+(?=[{[) ]|$)|\bup(?=\{)/g;
/** Within this of what the load generator saw, and of what the answers said. */
const TOLERANCE = 0.1;
const WRK_TRIES = 3;

const there = await debian('prometheus');
const withPrometheus = there ? describe : describe.skip;
const wrkIfThere = (await debian('wrk')) ? it : it.skip;
const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: { alert?: string; record?: string; expr: string }[] }[] };
const rules = groups.flatMap((group) => group.rules);
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const expressions = [...rules.map(({ expr }) => expr), ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))];

/** The queries of docs/observability.md by the name in their first line. */
const documented = new Map(
  [...readFileSync(join(ROOT, 'docs/observability.md'), 'utf8').matchAll(/```promql\n# (.*)\n([^`]*)```/g)].map(
    ([, name = '', text = '']) => [name, text],
  ),
);
const query = (name: string): string => documented.get(name) ?? `there is no ${name}`;

interface Timing {
  readonly seconds: number;
  readonly total: number;
  readonly queue: number;
  readonly inference: number;
}

let server: Server;
let prometheus: Prometheus;
let scrape = '';
let bounds: number[];
const timings: Timing[] = [];

async function timed(input: string): Promise<Timing> {
  const began = performance.now();
  const { status, headers } = await post(`${server.url}/v1/embeddings`, { model: MINILM, input, encoding_format: 'base64' });
  const seconds = (performance.now() - began) / 1000;
  expect(status).toBe(200);
  const said = headers.get('server-timing') ?? '';
  const part = (name: string): number => Number(new RegExp(`${name};dur=([\\d.]+)`).exec(said)?.[1]) / 1000;
  return { seconds, total: part('total'), queue: part('queue'), inference: part('inference') };
}

/** A quantile as Prometheus reckons it: counted into the buckets, a straight line within the one it falls into. */
function quantile(values: readonly number[], q: number): number {
  const rank = q * values.length;
  const below = (bound: number): number => values.filter((value) => value <= bound).length;
  const index = bounds.findIndex((bound) => below(bound) >= rank);
  const [low, high] = [bounds[index - 1] ?? 0, bounds[index] ?? NaN];
  return low + ((high - low) * (rank - below(low))) / (below(high) - below(low));
}

/** Whether two figures in ms are within the tolerance, or within the width of the bucket that the histogram's falls into: it knows no better. */
function agree(measured: number, expected: number): boolean {
  const index = bounds.findIndex((bound) => bound * 1000 >= measured);
  const width = 1000 * ((bounds[index] ?? NaN) - (bounds[index - 1] ?? 0));
  return off(measured, expected) < TOLERANCE || Math.abs(measured - expected) < width;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const off = (measured: number, expected: number): number => Math.abs(measured / expected - 1);

beforeAll(async () => {
  if (!there) return;
  server = await Server.start({ MODEL_REPOSITORY: await limited([MINILM, 'digits'], 1), CACHE: 'off' });
  // Before anybody scrapes: Prometheus counts from the first scrape in which a series is.
  await timed('a text');
  // All in one, more than a batch holds: how fast a queue drains is not known before one was full. Not of the model whose waits are compared:
  // Prometheus extrapolates each bucket by where it stood at first.
  await post(`${server.url}/v1/models/digits/predict`, { instances: digits().pixels });
  await post(`${server.url}/v1/models/digits/predict`, '{}');
  prometheus = await Prometheus.start(server.url);
  await prometheus.scraped();
  timings.push(
    ...(await inParallel(
      Array.from({ length: REQUESTS }, (_, index) => texts[index % texts.length] ?? ''),
      CLIENTS,
      timed,
    )),
  );
  await prometheus.scraped();
  scrape = (await send(`${server.url}/metrics`)).text;
  bounds = [...scrape.matchAll(/^nestor_request_duration_seconds_bucket\{le="([\d.e-]+)",.*embeddings.*$/gm)].map(([, le]) => Number(le));
}, 120_000);
afterAll(async () => {
  if (!there) return;
  await prometheus.stop();
  await server.stop();
  await removeRepositories();
});

withPrometheus('on a real Prometheus', () => {
  it.each(['p50', 'p95', 'p99'])('the documented %s is that of the answers, each of which says how long it took', async (name) => {
    const q = Number(name.slice(1)) / 100;
    const measured = await prometheus.number(query(name));
    const [expected, outside] = [quantile(timings.map(({ total }) => total), q), quantile(timings.map(({ seconds }) => seconds), q)]; // prettier-ignore
    // The client's clock is told and not held against anybody: on a busy machine it measures the client.
    process.stderr.write(
      `\n${name}: Prometheus ${measured.toFixed(4)} s, answers ${expected.toFixed(4)} s, client ${outside.toFixed(4)} s\n`,
    );
    expect([name, measured, expected, off(measured, expected) < TOLERANCE]).toEqual([name, measured, expected, true]);
  });

  it('the documented queue wait and the share of inference are what the answers said', async () => {
    const wait = await prometheus.number(query('queue wait p95'), { model: MINILM });
    const expectedWait = quantile(timings.map(({ queue }) => queue), 0.95); // prettier-ignore
    expect([wait, expectedWait, off(wait, expectedWait) < TOLERANCE]).toEqual([wait, expectedWait, true]);

    const share = await prometheus.number(query('inference to total'));
    const expectedShare = sum(timings.map(({ inference }) => inference)) / sum(timings.map(({ total }) => total));
    expect([share, expectedShare, off(share, expectedShare) < TOLERANCE]).toEqual([share, expectedShare, true]);
  });

  it('every metric of a panel, a rule or the documentation is in the scrape, or one that only some have', () => {
    const used = new Set([...expressions, ...documented.values()].flatMap((expression) => expression.match(METRIC) ?? []));
    const inScrape = new Set([...scrape.matchAll(/^([a-z_0-9]+)[{ ]/gm)].map(([, name]) => name));
    expect(used.size).toBeGreaterThan(20);
    expect([...used].filter((name) => name !== 'up' && !inScrape.has(name) && !CONDITIONAL.test(name))).toEqual([]);
  });

  it('the bucket of the objective is there', () => {
    expect(scrape).toContain('nestor_request_duration_seconds_bucket{le="0.5",');
  });

  it.each(panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)))(
    'the panel "%s" shows something',
    async (_, expr) => {
      const series = await prometheus.query(asked(expr));
      const metrics = expr.match(METRIC) ?? [];
      if (!metrics.some((name) => CONDITIONAL.test(name))) expect(series.length).toBeGreaterThan(0);
    },
  );

  it('every rule is evaluated without an error', async () => {
    const evaluated = await prometheus.rules();
    expect(Object.keys(evaluated).sort()).toEqual([...new Set(rules.map(({ alert, record }) => alert ?? record))].sort());
    expect(Object.values(evaluated).filter((error) => error !== '' && error !== 'unknown')).toEqual([]);
  });

  it('promtool has nothing to say of the scrape, nor of the rules, and every alert has its test', async () => {
    expect(await outcome('promtool', ['check', 'metrics'], scrape)).toEqual({ code: 0, text: '' });
    expect(await outcome('promtool', ['check', 'rules', RULES])).toMatchObject({ code: 0 });
    const tests = join(ROOT, 'test/prometheus/rules.test.yaml');
    expect(await outcome('promtool', ['test', 'rules', tests])).toMatchObject({ code: 0 });
    const fires = [...readFileSync(tests, 'utf8').matchAll(/alertname: (\w+)\n\s+exp_alerts:/g)].map(([, name]) => name);
    expect([...new Set(fires)].sort()).toEqual(rules.flatMap(({ alert }) => alert ?? []).sort());
  });

  /** p50, p95 and p99 in milliseconds: what Prometheus says of some seconds of load, and what the load generator saw. */
  async function underWrk(bodies: string): Promise<[name: string, measured: number, expected: number][]> {
    const before = Date.now();
    // Two: the first may have begun before the last requests were counted.
    await prometheus.scraped();
    await prometheus.scraped();
    const seen = await wrk({ url: `${server.url}/v1/embeddings`, bodies, offset: 0, clients: 2, seconds: 6 });
    await prometheus.scraped();
    expect(seen.errors).toBe(0);
    const window = `[${Date.now() - before}ms]`;
    const measured = async (name: string): Promise<number> => 1000 * (await prometheus.number(query(name).replaceAll('[5m]', window)));
    return [
      ['p50', await measured('p50'), seen.p50Ms],
      ['p95', await measured('p95'), seen.p95Ms],
      ['p99', await measured('p99'), seen.p99Ms],
    ];
  }

  // Last, since the queries above reckon with all that was asked so far.
  wrkIfThere('the documented p50, p95 and p99 are those that a load generator of its own process saw', async () => {
    // One body: wrk adds requests of its own reckoning where one takes twice the mean (coordinated omission), which long and short ones in turn do.
    const body = JSON.stringify({ model: MINILM, input: longest, encoding_format: 'base64' });
    const bodies = join(await written({ bodies: `${body}\n` }), 'bodies');
    // Another process may keep wrk from its clock, but not each time.
    let figures = await underWrk(bodies);
    const apart = (): unknown[] => figures.filter(([, measured, expected]) => !agree(measured, expected));
    for (let more = 1; more < WRK_TRIES && apart().length > 0; more++) figures = await underWrk(bodies);
    for (const [name, measured, expected] of figures)
      process.stderr.write(`\n${name}: Prometheus ${measured.toFixed(1)} ms, wrk ${expected.toFixed(1)} ms\n`);
    expect(apart()).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('is one that Grafana takes: panels with a place, an id, a unit and a data source of their own', () => {
    expect([dashboard.uid, dashboard.title, dashboard.schemaVersion]).toEqual(['nestor', 'Nestor', expect.any(Number)]);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const { title, datasource, targets = [], fieldConfig } of panels) {
      expect([title, datasource, targets.length > 0, fieldConfig?.defaults.unit]).toEqual([
        title,
        { type: 'prometheus', uid: '${datasource}' },
        true,
        expect.any(String),
      ]);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
  });

  it('lays no panel over another, and none outside', () => {
    const taken = new Set<string>();
    for (const { gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`)).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
    }
  });

  it('uses the variables that it has, and has those that it uses', () => {
    const has = dashboard.templating.list.map(({ name }) => name).sort();
    const used = JSON.stringify(dashboard.panels).match(/\$\{?(?!__)(\w+)\}?/g) ?? [];
    expect([...new Set(used.map((variable) => variable.replaceAll(/\W/g, '')))].sort()).toEqual(has);
  });

  it('asks of Nestor alone, in the namespace that is chosen, whatever else Prometheus scrapes', () => {
    const selectors = panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => asked(expr).match(/\{[^}]*\}/g) ?? []));
    expect(selectors.length).toBeGreaterThan(panels.length);
    expect(selectors.filter((selector) => !selector.startsWith('{namespace=~".*", job=~"nestor"'))).toEqual([]);
  });

  it('shows every kind of thing that is measured', () => {
    const shown = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join();
    for (const name of [
      'request_duration',
      'queue_wait',
      'preprocess_duration',
      'inference_duration',
      'batch_items',
      'batch_padding_ratio',
      'queue_items',
      'rejected_total',
      'cache_requests_total',
      'cache_size_bytes',
      'coalesced_total',
      'batch_failures_total',
      'worker_restarts_total',
      'model_load_duration',
      'model_load_failures_total',
      'model_memory_bytes',
      'event_loop_delay_seconds',
      'gpu_utilization_ratio',
      'gpu_memory_used_bytes',
      'tenant_requests_total',
      'tenant_tokens_total',
      'tenant_rejected_total',
    ]) {
      expect([name, shown.includes(`nestor_${name}`)]).toEqual([name, true]);
    }
  });
});
