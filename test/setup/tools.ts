// Tools of the trade, which install.ts got where they can be had; where not, what needs them is skipped, and that is said loudly.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './paths.ts';

const run = promisify(execFile);

/** Programs of Debian by the packages that have them. */
export const PACKAGES = {
  'redis-server': 'redis-server',
  nginx: 'nginx-light',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  wrk: 'wrk',
  chromium: 'chromium',
} as const;

/** Kept under var/ by version: a build from source takes a minute. */
export const HELM_VERSION = '3.22.0';
export const HELM = join(ROOT, `var/tools/helm-${HELM_VERSION}/helm`);

export interface Output {
  readonly code: number;
  /** Standard output; where it failed, standard error too. */
  readonly text: string;
}

/** Runs a command to its end, whatever that is. */
export async function outcome(file: string, args: readonly string[], input?: string): Promise<Output> {
  const running = run(file, args, { maxBuffer: 64 * 1024 * 1024 });
  if (input !== undefined) running.child.stdin?.end(input);
  try {
    return { code: 0, text: (await running).stdout };
  } catch (thrown) {
    const { code, stdout = '', stderr = '', message } = thrown as Error & { code?: unknown; stdout?: string; stderr?: string };
    return { code: typeof code === 'number' ? code : -1, text: stdout + stderr || message };
  }
}

export async function isThere(program: string): Promise<boolean> {
  return (await outcome('which', [program])).code === 0;
}

export async function debian(program: keyof typeof PACKAGES): Promise<boolean> {
  return (await isThere(program)) || skip(`${program}, which apt-get installs with ${PACKAGES[program]}`);
}

/** The path of helm. */
export function helm(): string | undefined {
  if (existsSync(HELM)) return HELM;
  skip(`helm ${HELM_VERSION}, which Go installs`);
  return undefined;
}

function skip(missing: string): false {
  process.stderr.write(`\nSKIPPED: there is no ${missing}\n\n`);
  return false;
}
