// npm run bench:costs: what metrics, traces, request lines and access cost, in CPU time of the server a request, with them and without.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { installWrk } from './install.ts';
import { get } from './load/http.ts';
import { warmUp, wrk, type ClosedLoop } from './load/wrk.ts';
import { ROOT } from './paths.ts';
import { isBusy } from './quiet.ts';
import { describeMachine } from './report/machine.ts';
import { spread, type Spread } from './report/statistics.ts';
import { markdown } from './report/table.ts';
import { startServer, type RunningServer } from './server-process.ts';
import { choose } from './options.ts';
import { SERVERS, type Server } from './servers.ts';
import { prepareBodies, readTexts } from './texts.ts';
import { A_PAIR, costsOf, SLICE_MS, type Cost } from './costs/slices.ts';

const CLIENTS = 32;
const SCRAPE_MS = 1000;
/** Loaded ahead of the server, it takes parts out. */
const WITHOUT = join(import.meta.dirname, 'costs', 'without.ts');

/** Takes them out and puts them back while it runs. */
const SWITCH = join(import.meta.dirname, 'costs', 'switch.ts');

/** A pair that runs in turns; the cost is what the second takes more of. */
interface Comparison {
  readonly name: string;
  readonly without: Variant;
  readonly withIt: Variant;
  /** Of the second, taken out of it for the first: one process is both. */
  readonly switched?: string;
  /** Most of the CPU time that it may cost. */
  readonly atMost: number | undefined;
}

interface Variant {
  readonly label: string;
  readonly without?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** By default it is scraped once a second. */
  readonly scraped?: boolean;
  /** Of every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What is asked, by all in turns. */
interface Workload {
  readonly path: string;
  readonly bodies: string;
}

/** A file of keys, and one of them. */
interface KeyFile {
  readonly file: string;
  readonly key: string;
}

/** As `npm run keys` makes it. */
function newKey(folder: string): KeyFile {
  const file = join(folder, 'keys.yaml');
  const args = ['create', '--id', 'bench', '--tenant', 'bench', '--scope', 'predict', '--file', file];
  const [key = ''] = execFileSync(process.execPath, [join(ROOT, 'dist/keys.js'), ...args], { encoding: 'utf8' }).split('\n');
  return { file, key };
}

function comparisons(collector: string, { file, key }: KeyFile): Comparison[] {
  const ratio = { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' };
  const bare: Variant = { label: 'no metrics', scraped: false };
  const metrics: Variant = { label: 'metrics' };
  const sampled: Variant = { label: 'traces of 1 %', environment: { ...ratio, OTEL_TRACES_SAMPLER_ARG: '0.01' } };
  return [
    { name: 'metrics', without: bare, withIt: metrics, switched: 'metrics', atMost: 0.03 },
    { name: 'traces', without: metrics, withIt: sampled, switched: 'traces', atMost: 0.03 },
    { name: 'lines', without: metrics, withIt: { label: 'LOG_LEVEL=info', environment: { LOG_LEVEL: 'info' } }, atMost: undefined },
    { name: 'scrapes', without: { label: 'metrics, not scraped', scraped: false }, withIt: metrics, atMost: undefined },
    { name: 'gc', without: { label: 'metrics without those of garbage', without: 'gc' }, withIt: metrics, atMost: undefined },
    {
      name: 'defaults',
      without: { label: 'metrics without those of the process', without: 'defaults' },
      withIt: metrics,
      atMost: undefined,
    },
    {
      name: 'access',
      without: { label: 'open' },
      withIt: {
        label: 'a key in every request',
        // Whoever scrapes has none.
        environment: { ACCESS_KEYS_FILE: file, OPEN_ROUTES: 'metrics' },
        headers: { Authorization: `Bearer ${key}` },
      },
      atMost: 0.03,
    },
  ];
}

/** Nestor in one of its forms. */
function serverOf({ label, without, environment }: Variant, switched?: string): Server {
  const [nestor] = choose('server', ['nestor'], SERVERS);
  if (!nestor) throw new Error('servers.ts has no Nestor; this is a bug');
  return {
    ...nestor,
    name: `nestor-${label.replaceAll(/\W+/g, '-')}`,
    command: (ports) => {
      const [file, ...args] = nestor.command(ports);
      const preloads = [...(without === undefined ? [] : [WITHOUT]), ...(switched === undefined ? [] : [SWITCH])];
      return [file, ...preloads.flatMap((preload) => ['--import', preload]), ...args];
    },
    environment: (ports) => ({ ...nestor.environment(ports), BENCH_WITHOUT: without ?? '', BENCH_SWITCH: switched ?? '', ...environment }),
  };
}

/** CPU time is what a neighbour on the machine disturbs least. */
async function costOf({ cpuSeconds, url }: RunningServer, { scraped = true, headers }: Variant, load: ClosedLoop): Promise<Cost> {
  const scrape = scraped ? setInterval(() => void get(`${url}/metrics`), SCRAPE_MS) : undefined;
  const before = cpuSeconds();
  try {
    const { requestsPerSecond, errors, answered } = await wrk({ ...load, headers });
    if (errors > 0) throw new Error(`${errors} requests failed`);
    return { perRequest: ((cpuSeconds() - before) * 1e6) / answered, requestsPerSecond };
  } finally {
    clearInterval(scrape);
  }
}

/**
 * Both servers stand side by side, one idle while the other is asked; who begins changes from round to round. Each round has new ones:
 * two processes of the same server differ by more than what is looked for.
 */
async function measure({ without, withIt }: Comparison, { path, bodies }: Workload, rounds: number, seconds: number) {
  const variants = [without, withIt] as const;
  const costs: [Cost[], Cost[]] = [[], []];
  const load = { bodies, clients: CLIENTS, offset: 0 };
  for (let round = 0; round < rounds; round++) {
    const servers: RunningServer[] = [];
    try {
      for (const variant of variants) servers.push(await startServer(serverOf(variant), 'costs'));
      for (const [which, { url }] of servers.entries())
        await warmUp({ url: url + path, ...load, headers: variants[which]?.headers, seconds: 3 });
      for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const server = servers[which];
        if (server) costs[which].push(await costOf(server, variants[which], { url: server.url + path, ...load, seconds }));
      }
    } finally {
      for (const server of servers) await server.stop();
    }
  }
  return changes(costs);
}

/** Both in one process, which differs from itself less than from another, under one load without a break. */
async function measureSwitched({ withIt, switched }: Comparison, { path, bodies }: Workload, pairs: number) {
  const folder = mkdtempSync(join(tmpdir(), 'nestor-slices-'));
  const file = join(folder, 'marks.jsonl');
  const server = await startServer(serverOf(withIt, switched), 'costs', { BENCH_SWITCH_FILE: file });
  const load = { url: server.url + path, bodies, clients: CLIENTS, offset: 0, headers: withIt.headers };
  const slices = A_PAIR * pairs;
  try {
    await warmUp({ ...load, seconds: 10 });
    const asked = wrk({ ...load, seconds: Math.ceil((slices * SLICE_MS) / 1000) + 3 });
    await sleep(1500);
    for (let slice = 0; slice <= slices; slice++) {
      server.signal('SIGUSR2');
      await sleep(SLICE_MS / 2);
      // Once a second of the time that has what is scraped: in the second slice of a pair, and where both have it in the first also.
      if (slice % A_PAIR === 1 || (switched !== 'metrics' && slice % A_PAIR === 0)) await get(`${server.url}/metrics`);
      await sleep(SLICE_MS / 2);
    }
    const { errors } = await asked;
    if (errors > 0) throw new Error(`${errors} requests failed`);
    return changes(costsOf(file));
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

const changes = (costs: readonly [Cost[], Cost[]]) => ({
  cpu: compared(costs, ({ perRequest }) => perRequest),
  rate: compared(costs, ({ requestsPerSecond }) => requestsPerSecond),
});

/** Medians of both, and by how much the second differs from the first, pair by pair. */
function compared([without, withIt]: readonly [readonly Cost[], readonly Cost[]], of: (cost: Cost) => number) {
  const ratios = withIt.map((cost, round) => of(cost) / of(without[round] ?? cost) - 1);
  return { before: spread(without.map(of)).median, after: spread(withIt.map(of)).median, change: spread(ratios) };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string', default: '' },
      load: { type: 'string', default: 'digits' },
    },
  });
  const noWrk = installWrk(false);
  if (noWrk) {
    console.log(`SKIPPED: ${noWrk}`);
    return 0;
  }
  // Takes spans and says yes; what they say is the tests' business.
  const collector = createServer((request, response) => request.resume().on('end', () => response.end())).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const folder = mkdtempSync(join(tmpdir(), 'nestor-costs-'));
  const busy = await isBusy();
  const { digitsFile, embedFile } = prepareBodies(readTexts());
  // Digits are so cheap that the server around them is what is measured; texts are what it is for.
  const workload = {
    digits: { path: '/v1/models/digits/predict', bodies: digitsFile },
    texts: { path: '/v1/embeddings', bodies: embedFile },
  }[values.load];
  if (!workload) throw new Error('--load is digits or texts');
  const table = comparisons(`http://127.0.0.1:${(collector.address() as AddressInfo).port}`, newKey(folder));
  const pairs = choose('comparison', values.only.split(',').filter(Boolean), table);
  const rows: string[][] = [];
  let kept = true;
  for (const pair of pairs) {
    const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
    const { cpu, rate } = await (pair.switched === undefined
      ? measure(pair, workload, rounds, seconds)
      : measureSwitched(pair, workload, rounds * seconds));
    const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
    const change = ({ median, min, max }: Spread): string => `${percent(median)} (${percent(min)} to ${percent(max)})`;
    rows.push([
      `${pair.without.label} -> ${pair.withIt.label}`,
      `${cpu.before.toFixed(1)} -> ${cpu.after.toFixed(1)} us`,
      change(cpu.change),
      `${rate.before.toPrecision(4)} -> ${rate.after.toPrecision(4)}`,
      change(rate.change),
    ]);
    kept &&= pair.atMost === undefined || cpu.change.median <= pair.atMost;
  }
  collector.close();
  rmSync(folder, { recursive: true });
  console.log(
    `${values.load}, ${CLIENTS} clients. In one process where a part can be taken out of it, ${Number(values.rounds) * Number(values.seconds)} times a second with it and one without, in quarters; else ${values.rounds} rounds of ${values.seconds} s in turns, each in new ones. ${describeMachine()}.`,
  );
  if (busy) console.log('Not to be trusted: something else is at work on the machine.');
  console.log(markdown(['from -> to', 'CPU of a request', 'costs', 'requests/s', 'changes'], rows));
  return kept ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
