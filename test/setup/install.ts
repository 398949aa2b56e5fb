// Before the first spec that needs a server: gets what such specs run beside it, so that no two of them install anything at once.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isMet, MET, REQUIREMENTS, VENV } from './python.ts';
import { HELM, HELM_VERSION, isThere, PACKAGES } from './tools.ts';

const run = promisify(execFile);

/** What cannot be had is said here with its reason; the specs that need it skip themselves. */
export default async function install(): Promise<void> {
  await Promise.all(
    [debian, helm, python].map((tools) =>
      tools().catch((thrown: unknown) => {
        process.stderr.write(`\nNot installed: ${thrown instanceof Error ? thrown.message.slice(0, 300) : ''}\n\n`);
      }),
    ),
  );
}

async function debian(): Promise<void> {
  const there = await Promise.all(Object.entries(PACKAGES).map(async ([program, paket]) => ((await isThere(program)) ? [] : [paket])));
  const missing = new Set(there.flat());
  if (missing.size === 0) return;
  if (process.getuid?.() !== 0) throw new Error(`apt-get install ${[...missing].join(' ')}: this is for root`);
  // No service is to start: what is wanted is the program.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const apt = (...args: readonly string[]) => run('apt-get', ['-y', '-qq', ...args], { env, timeout: 180_000 });
  await apt('update');
  // One by one: where one cannot be had the others can.
  for (const paket of missing) await apt('install', '--no-install-recommends', paket).catch(() => undefined);
}

/** Built from source where there is Go. */
async function helm(): Promise<void> {
  if (existsSync(HELM)) return;
  const env = { ...process.env, GOBIN: dirname(HELM), GOFLAGS: '-ldflags=-s' };
  await run('go', ['install', `helm.sh/helm/v3/cmd/helm@v${HELM_VERSION}`], { env, timeout: 600_000 });
}

async function python(): Promise<void> {
  if (process.env.NESTOR_TEST_PYTHON || isMet()) return;
  const interpreter = join(VENV, 'bin/python');
  if (!existsSync(interpreter)) await run('python3', ['-m', 'venv', VENV]);
  await run(interpreter, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS], { timeout: 240_000 });
  await copyFile(REQUIREMENTS, MET);
}
