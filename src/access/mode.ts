// Is anybody asked who they are? What the environment says, or must say.
import { isIP } from 'node:net';
import type { Environment } from '../config/environment.js';

const TOKENS = ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_JWKS_URL'] as const;

/**
 * Callers are asked where keys or tokens are configured, and nobody where they are not: on loopback, or where ACCESS=open says so.
 * @throws Error that says what to set.
 */
export function modeOf(environment: Environment): 'callers' | 'open' {
  const { ACCESS, ACCESS_KEYS_FILE, HOST } = environment;
  const missing = TOKENS.filter((name) => environment[name] === '');
  if (missing.length > 0 && missing.length < TOKENS.length)
    throw new Error(`Tokens need ${TOKENS.join(', ')}, and there is no ${missing.join(', no ')}`);
  const configured = [ACCESS_KEYS_FILE && 'ACCESS_KEYS_FILE', environment.JWT_ISSUER && 'JWT_ISSUER'].filter(Boolean);
  if (ACCESS === 'open' && configured.length > 0)
    throw new Error(`ACCESS=open asks nobody who they are, and ${configured.join(' and ')} says who may come in: unset one or the other`);
  if (configured.length > 0) return 'callers';
  if (ACCESS === 'open' || isLoopback(HOST)) return 'open';
  throw new Error(
    `HOST=${HOST} is reachable from elsewhere, and nothing says who may come in. Set ACCESS_KEYS_FILE (npm run keys -- create makes keys) or ` +
      'JWT_ISSUER, JWT_AUDIENCE and JWT_JWKS_URL; or ACCESS=open, where something in front asks or everybody may. docs/access.md has both',
  );
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
