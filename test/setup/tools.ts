// Tools of the trade, got once where they can be had; where not, what needs them is skipped, and that is said loudly.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './paths.js';

const run = promisify(execFile);

/** Kept under var/ by version: a build from source takes a minute. */
const HELM_VERSION = '3.22.0';
const HELM = join(ROOT, `var/tools/helm-${HELM_VERSION}`);

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

/** Whether a program of Debian is there, installed through apt where this is root's to do. */
export async function debian(program: string, paket: string): Promise<boolean> {
  const there = async (): Promise<boolean> => (await outcome('which', [program])).code === 0;
  if (await there()) return true;
  if (process.getuid?.() === 0) {
    // No service is to start: what is wanted is the program.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    const apt = (...args: readonly string[]) => run('apt-get', ['-y', '-qq', ...args], { env, timeout: 180_000 });
    await apt('update')
      .then(() => apt('install', '--no-install-recommends', paket))
      .catch(() => undefined);
  }
  return (await there()) || skip(`apt-get install ${paket}, which has ${program}`);
}

/** The path of helm, built from source where there is Go. */
export async function helm(): Promise<string | undefined> {
  const binary = join(HELM, 'helm');
  if (!existsSync(binary)) {
    const env = { ...process.env, GOBIN: HELM, GOFLAGS: '-ldflags=-s' };
    await run('go', ['install', `helm.sh/helm/v3/cmd/helm@v${HELM_VERSION}`], { env, timeout: 600_000 }).catch(() => undefined);
  }
  if (existsSync(binary)) return binary;
  skip(`Go, which installs helm ${HELM_VERSION}`);
  return undefined;
}

function skip(missing: string): false {
  process.stderr.write(`\nSKIPPED: there is no ${missing}\n\n`);
  return false;
}
