// The closed loop: wrk holds a number of connections busy for some seconds.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
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
  /** In the window: from RAMP_SECONDS on. */
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
  /** Requests of the whole run, the ramp too, that were answered. */
  readonly answered: number;
}

interface Printed {
  completed: number;
  refused: number;
  failed: number;
  /** Requests of the window. */
  counted: number;
  /** Of the window. */
  seconds: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

/**
 * Until all clients wait in line, and the server has done what the last run left unanswered. A run that counted from its first request gave
 * 67.6 texts/s in 3 s where it gave 73.3 in 15: what is half done at its end is lost, most of all to who answers in batches.
 */
const RAMP_SECONDS = 1;

const run = promisify(execFile);

/** Load that sends one body all the time. */
export interface SteadyLoop extends Omit<ClosedLoop, 'bodies' | 'offset'> {
  /** File with the body. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function wrk({ bodies, offset, headers = {}, ...load }: ClosedLoop): Promise<Load> {
  return runWrk(load, 'wrk.lua', [String(RAMP_SECONDS), bodies, String(offset), ...linesOf(headers)]);
}

export function wrkOneBody({ body, headers, ...load }: SteadyLoop): Promise<Load> {
  return runWrk(load, 'wrk-body.lua', [String(RAMP_SECONDS), body, ...linesOf(headers)]);
}

const linesOf = (headers: Readonly<Record<string, string>>): string[] =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value}`);

type Shape = Pick<ClosedLoop, 'url' | 'clients' | 'seconds'>;

async function runWrk({ url, clients, seconds }: Shape, script: string, args: readonly string[]): Promise<Load> {
  const shape = ['-t1', `-c${clients}`, `-d${seconds + RAMP_SECONDS}s`, '--timeout', '60s'];
  const { stdout } = await run('wrk', [...shape, '-s', join(import.meta.dirname, script), url, '--', ...args]);
  const line = stdout.split('\n').find((each) => each.startsWith('{'));
  if (line === undefined) throw new Error(`wrk printed no figures:\n${stdout}`);
  const printed = JSON.parse(line) as Printed;
  const answered = printed.completed - printed.refused;
  return {
    requestsPerSecond: printed.seconds > 0 ? ((printed.counted / printed.seconds) * answered) / Math.max(1, printed.completed) : 0,
    p50Ms: printed.p50Ms,
    p95Ms: printed.p95Ms,
    p99Ms: printed.p99Ms,
    errors: printed.refused + printed.failed,
    answered,
  };
}

export async function warmUp(load: ClosedLoop): Promise<void> {
  await wrk(load);
}
