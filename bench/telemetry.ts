// node bench/telemetry.ts: what metrics, traces and request lines cost, as the throughput with them to the throughput without.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installWrk } from './install.ts';
import { get } from './load/http.ts';
import { warmUp, wrk, type ClosedLoop } from './load/wrk.ts';
import { isBusy } from './quiet.ts';
import { describeMachine } from './report/machine.ts';
import { spread } from './report/statistics.ts';
import { markdown } from './report/table.ts';
import { startServer, type RunningServer } from './server-process.ts';
import { choose } from './options.ts';
import { SERVERS, type Server } from './servers.ts';
import { prepareBodies } from './texts.ts';

const CLIENTS = 32;
const SCRAPE_MS = 1000;
/** Loaded ahead of the server, it takes the instruments out. */
const WITHOUT_METRICS = join(import.meta.dirname, 'telemetry', 'without-metrics.ts');

/** A pair that runs in turns; the cost is what the second has less of. */
interface Comparison {
  readonly name: string;
  readonly without: Variant;
  readonly withIt: Variant;
  /** Most of the throughput that it may cost. */
  readonly atMost: number | undefined;
}

interface Variant {
  readonly label: string;
  readonly node: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

function comparisons(collector: string): Comparison[] {
  const ratio = { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' };
  const bare = { label: 'no metrics', node: ['--import', WITHOUT_METRICS], environment: {} };
  const metrics = { label: 'metrics', node: [], environment: {} };
  const sampled = { label: 'traces of 1 %', node: [], environment: { ...ratio, OTEL_TRACES_SAMPLER_ARG: '0.01' } };
  const lines = { label: 'LOG_LEVEL=info', node: [], environment: { LOG_LEVEL: 'info' } };
  return [
    { name: 'metrics', without: bare, withIt: metrics, atMost: 0.03 },
    { name: 'traces', without: metrics, withIt: sampled, atMost: 0.03 },
    { name: 'lines', without: metrics, withIt: lines, atMost: undefined },
  ];
}

/** Nestor in one of its forms; digits are so cheap that the server around them is what is measured. */
function serverOf({ label, node, environment }: Variant): Server {
  const [nestor] = choose('server', ['nestor'], SERVERS);
  if (!nestor) throw new Error('servers.ts has no Nestor; this is a bug');
  return {
    ...nestor,
    name: `nestor-${label.replaceAll(/\W+/g, '-')}`,
    command: (ports) => {
      const [file, ...args] = nestor.command(ports);
      return [file, ...node, ...args];
    },
    environment: (ports) => ({ ...nestor.environment(ports), ...environment }),
  };
}

async function throughput({ url }: RunningServer, load: Omit<ClosedLoop, 'url'>): Promise<number> {
  const scrape = setInterval(() => void get(`${url}/metrics`), SCRAPE_MS);
  try {
    const { requestsPerSecond, errors } = await wrk({ url: `${url}/v1/models/digits/predict`, ...load });
    if (errors > 0) throw new Error(`${errors} requests failed`);
    return requestsPerSecond;
  } finally {
    clearInterval(scrape);
  }
}

/** Both servers stand side by side, one idle while the other is asked; who begins changes from round to round. */
async function measure({ without, withIt }: Comparison, bodies: string, rounds: number, seconds: number) {
  const servers = [await startServer(serverOf(without), 'telemetry'), await startServer(serverOf(withIt), 'telemetry')];
  const rates: number[][] = [[], []];
  try {
    const load = { bodies, clients: CLIENTS, offset: 0 };
    for (const { url } of servers) await warmUp({ url: `${url}/v1/models/digits/predict`, ...load, seconds: 3 });
    for (let round = 0; round < rounds; round++) {
      for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const server = servers[which];
        if (server) rates[which]?.push(await throughput(server, { ...load, seconds }));
      }
    }
  } finally {
    for (const server of servers) await server.stop();
  }
  const [before = [], after = []] = rates;
  return { before: spread(before), after: spread(after), ratio: spread(after.map((rate, round) => rate / (before[round] ?? NaN))) };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string', default: '' },
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
  const busy = await isBusy();
  const { digitsFile } = prepareBodies([]);
  const pairs = choose('comparison', values.only.split(',').filter(Boolean), comparisons(`http://127.0.0.1:${(collector.address() as AddressInfo).port}`)); // prettier-ignore
  const rows: string[][] = [];
  let kept = true;
  for (const pair of pairs) {
    const { before, after, ratio } = await measure(pair, digitsFile, Number(values.rounds), Number(values.seconds));
    const percent = (share: number): string => `${((1 - share) * 100).toFixed(1)} %`;
    const rate = ({ median }: { median: number }): string => `${median.toFixed(0)} req/s`;
    rows.push([`${pair.without.label} -> ${pair.withIt.label}`, rate(before), rate(after), ratio.median.toFixed(3), percent(ratio.median)]);
    kept &&= pair.atMost === undefined || 1 - ratio.median <= pair.atMost;
  }
  collector.close();
  console.log(`digits, ${CLIENTS} clients, ${values.rounds} rounds of ${values.seconds} s in turns. ${describeMachine()}.`);
  if (busy) console.log('Not to be trusted: something else is at work on the machine.');
  console.log(markdown(['from -> to', 'without', 'with', 'ratio', 'cost'], rows));
  return kept ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
