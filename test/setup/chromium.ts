// Debian's Chromium without a screen, which install.ts got where it can be had.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isThere } from './tools.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Its name, or nothing, said loudly, where there is none: those specs are then skipped. */
export async function chromium(): Promise<string | undefined> {
  for (const name of NAMES) if (await isThere(name)) return name;
  process.stderr.write('\nSKIPPED: there is no Chromium\n\n');
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
