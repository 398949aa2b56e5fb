// The closed loop: wrk holds a number of connections busy for some seconds.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface ClosedLoop {
  readonly url: string;
  /** One body a line. */
  readonly bodies: string;
  /** Where in the bodies to begin. */
  readonly offset: number;
  readonly clients: number;
  readonly seconds: number;
  /** Beside Content-Type. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface Load {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

interface Printed {
  completed: number;
  refused: number;
  failed: number;
  seconds: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

/** The requests that wrk leaves unanswered at its end are still work for the server; they must not count against the next run. */
const SETTLE_MS = 1000;

const run = promisify(execFile);

/** Load that sends one body all the time. */
export interface SteadyLoop extends Omit<ClosedLoop, 'bodies' | 'offset'> {
  /** File with the body. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function wrk({ bodies, offset, headers = {}, ...load }: ClosedLoop): Promise<Load> {
  return runWrk(load, 'wrk.lua', [bodies, String(offset), ...linesOf(headers)]);
}

export function wrkOneBody({ body, headers, ...load }: SteadyLoop): Promise<Load> {
  return runWrk(load, 'wrk-body.lua', [body, ...linesOf(headers)]);
}

const linesOf = (headers: Readonly<Record<string, string>>): string[] =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value}`);

type Shape = Pick<ClosedLoop, 'url' | 'clients' | 'seconds'>;

async function runWrk({ url, clients, seconds }: Shape, script: string, args: readonly string[]): Promise<Load> {
  const shape = ['-t1', `-c${clients}`, `-d${seconds}s`, '--timeout', '60s'];
  const { stdout } = await run('wrk', [...shape, '-s', join(import.meta.dirname, script), url, '--', ...args]);
  const line = stdout.split('\n').find((each) => each.startsWith('{'));
  if (line === undefined) throw new Error(`wrk printed no figures:\n${stdout}`);
  const printed = JSON.parse(line) as Printed;
  return {
    requestsPerSecond: (printed.completed - printed.refused) / printed.seconds,
    p50Ms: printed.p50Ms,
    p95Ms: printed.p95Ms,
    p99Ms: printed.p99Ms,
    errors: printed.refused + printed.failed,
  };
}

export async function warmUp(load: ClosedLoop): Promise<void> {
  await wrk(load);
  await sleep(SETTLE_MS);
}
