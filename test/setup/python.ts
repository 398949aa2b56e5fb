// Python with the real clients of other servers: a virtual environment under var/, which install.ts makes.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './paths.ts';

const run = promisify(execFile);
export const VENV = join(ROOT, 'var/test-python');
export const REQUIREMENTS = join(ROOT, 'test/clients/requirements.txt');
/** A copy of the requirements that the environment meets. */
export const MET = join(VENV, 'requirements.txt');

/** The interpreter, or nothing, said loudly, where Python or the packages could not be had: those specs are then skipped. */
export function python(): string | undefined {
  const given = process.env.NESTOR_TEST_PYTHON;
  if (given) return given;
  if (isMet()) return join(VENV, 'bin/python');
  process.stderr.write(`\nSKIPPED: there is no Python with ${REQUIREMENTS}\n\n`);
  return undefined;
}

export function isMet(): boolean {
  return existsSync(MET) && readFileSync(MET, 'utf8') === readFileSync(REQUIREMENTS, 'utf8');
}

/** Runs a script of test/clients and returns what it printed. @throws Error with its own words when it fails. */
export async function script(interpreter: string, name: string, ...parameters: readonly string[]): Promise<string> {
  const { stdout } = await run(interpreter, [join(ROOT, 'test/clients', name), ...parameters], { timeout: 120_000 });
  return stdout;
}
