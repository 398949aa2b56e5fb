// Python with the real clients of other servers: a virtual environment, made once under var/.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './paths.js';

const run = promisify(execFile);
const VENV = join(ROOT, 'var/test-python');
const REQUIREMENTS = join(ROOT, 'test/clients/requirements.txt');

/** The interpreter, or nothing, said loudly, where Python or the packages cannot be had: those specs are then skipped. */
export async function python(): Promise<string | undefined> {
  const given = process.env.NESTOR_TEST_PYTHON;
  if (given) return given;
  const interpreter = join(VENV, 'bin/python');
  try {
    if (!existsSync(interpreter)) await run('python3', ['-m', 'venv', VENV]);
    await run(interpreter, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS], { timeout: 240_000 });
    return interpreter;
  } catch (thrown) {
    process.stderr.write(`\nSKIPPED: no Python with ${REQUIREMENTS}: ${thrown instanceof Error ? thrown.message.slice(0, 300) : ''}\n\n`);
    return undefined;
  }
}

/** Runs a script of test/clients and returns what it printed. @throws Error with its own words when it fails. */
export async function script(interpreter: string, name: string, ...parameters: readonly string[]): Promise<string> {
  const { stdout } = await run(interpreter, [join(ROOT, 'test/clients', name), ...parameters], { timeout: 120_000 });
  return stdout;
}
