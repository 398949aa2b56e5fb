// Gets what the bench needs beside Node: a throw-away venv for the peers, and wrk.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PEERS, PYTHON, ROOT, VENV } from './paths.ts';
import { ENGINE_PACKAGES, FAMILY_PACKAGES, type Server } from './servers.ts';

export type Family = Server['family'];

/** Why a family cannot be measured; those that can are not in it. */
export function installFamilies(families: ReadonlySet<Family>, skipInstall: boolean): Map<Family, string> {
  const missing = new Map<Family, string>();
  if (!existsSync(PYTHON) && !skipInstall) tell('python3', ['-m', 'venv', VENV]);
  for (const family of families) {
    const reason = family === 'nestor' ? nestorMissing() : peerMissing(FAMILY_PACKAGES[family], skipInstall);
    if (reason) missing.set(family, reason);
  }
  return missing;
}

function nestorMissing(): string {
  return existsSync(join(ROOT, 'dist', 'main.js')) ? '' : 'dist/main.js is missing; npm run build makes it';
}

function peerMissing(packages: readonly string[], skipInstall: boolean): string {
  if (!existsSync(PYTHON)) return 'no Python venv: python3 with its venv module is needed';
  if (skipInstall) return '';
  console.log(`installing ${packages.join(' ')}`);
  const pins = join(PEERS, 'requirements.txt');
  return tell(PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-c', pins, ...ENGINE_PACKAGES, ...packages]);
}

/** Why there is no wrk; empty when there is. */
export function installWrk(skipInstall: boolean): string {
  return debian('wrk', 'the load generator wrk', skipInstall);
}

/** Why there is no redis-server; empty when there is. */
export function installRedis(skipInstall: boolean): string {
  return debian('redis-server', 'Redis', skipInstall);
}

/** A Debian package with a program of its name. */
function debian(name: string, title: string, skipInstall: boolean): string {
  const isThere = (): boolean => spawnSync(name, ['-v']).error === undefined;
  if (isThere()) return '';
  if (!skipInstall && process.getuid?.() === 0) {
    tell('apt-get', ['update', '-qq']);
    tell('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name]);
  }
  return isThere() ? '' : `${title} is missing: apt-get install ${name}`;
}

/** Runs a command; answers with its complaint when it fails. */
function tell(file: string, args: readonly string[]): string {
  const { status, error, stderr } = spawnSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (error) return `${file}: ${error.message}`;
  return status === 0 ? '' : `${args.slice(0, 3).join(' ')} failed: ${stderr.trim().split('\n').at(-1) ?? ''}`;
}
