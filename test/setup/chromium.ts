// Debian's Chromium without a screen: found, or installed where apt may.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const APT_MS = 120_000;

/** Its name, or nothing, said loudly, where it cannot be had: those specs are then skipped. */
export async function chromium(): Promise<string | undefined> {
  const found = await installed();
  if (found) return found;
  try {
    if (process.getuid?.() !== 0) throw new Error('apt-get needs root');
    await run('apt-get', ['update', '-qq'], { timeout: APT_MS });
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], { timeout: APT_MS, env });
  } catch (thrown) {
    process.stderr.write(`\nSKIPPED: no Chromium: ${thrown instanceof Error ? thrown.message.slice(0, 300) : ''}\n\n`);
  }
  return installed();
}

async function installed(): Promise<string | undefined> {
  for (const name of NAMES) {
    const there = await run(name, ['--version']).then(
      () => true,
      () => false,
    );
    if (there) return name;
  }
  return undefined;
}

/** Shows a page until `done` settles, and passes on how. */
export async function browse<T>(browser: string, url: string, done: Promise<T>): Promise<T> {
  const profile = await mkdtemp(join(tmpdir(), 'nestor-chromium-'));
  // Its sandbox needs privileges that containers take away; the page is ours.
  const options = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', `--user-data-dir=${profile}`, url];
  const child = spawn(browser, options, { stdio: 'ignore' });
  const closed = once(child, 'close');
  const early = closed.then(() => Promise.reject(new Error(`${browser} ended before the page was done`)));
  try {
    return await Promise.race([done, early]);
  } finally {
    child.kill();
    await closed;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
