// When access must be said, and when it is open.
import { expect, it } from '@jest/globals';
import { readEnvironment } from '../config/environment.js';
import { modeOf } from './mode.js';

const JWT = { JWT_ISSUER: 'https://issuer', JWT_AUDIENCE: 'nestor', JWT_JWKS_URL: 'https://issuer/keys' };
const mode = (env: NodeJS.ProcessEnv): string => modeOf(readEnvironment(env));

it.each(['127.0.0.1', '127.8.9.1', '::1', 'localhost'])('is open on %s, where nothing is configured', (HOST) => {
  expect(mode({ HOST })).toBe('open');
});

it.each(['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.evil.example', '::ffff:10.0.0.1'])('must be said on %s', (HOST) => {
  expect(() => mode({ HOST })).toThrow(/^HOST=.*ACCESS_KEYS_FILE.*JWT_ISSUER.*ACCESS=open/s);
  expect(mode({ HOST, ACCESS: 'open' })).toBe('open');
  expect(mode({ HOST, ACCESS_KEYS_FILE: 'keys.yaml' })).toBe('callers');
  expect(mode({ HOST, ...JWT })).toBe('callers');
});

it('asks callers on loopback, too, where keys or tokens are configured', () => {
  expect(mode({ ACCESS_KEYS_FILE: 'keys.yaml' })).toBe('callers');
  expect(mode(JWT)).toBe('callers');
});

it('refuses what contradicts itself, or is half', () => {
  expect(() => mode({ ACCESS: 'open', ACCESS_KEYS_FILE: 'keys.yaml' })).toThrow(/ACCESS=open.*ACCESS_KEYS_FILE/);
  expect(() => mode({ ACCESS: 'open', ...JWT })).toThrow(/ACCESS=open.*JWT_ISSUER/);
  expect(() => mode({ ...JWT, JWT_AUDIENCE: '' })).toThrow(/no JWT_AUDIENCE/);
});
