// The command that makes, revokes and lists keys.
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf, isSecret, partsOf } from './key.js';
import { readKeyFile } from './key-file.js';
import { runKeysCommand } from './keys-command.js';

const folder = mkdtempSync(join(tmpdir(), 'nestor-keys-'));
const NOW = new Date('2026-11-24T00:00:00Z');
let file = '';
let count = 0;
beforeEach(() => {
  file = join(folder, `keys-${count++}.yaml`);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Files of others are for root to make. */
const asRoot = process.getuid?.() === 0 ? it : it.skip;

const keys = (...args: string[]): string => runKeysCommand(args, file, NOW);
const create = (id: string, ...more: string[]): string =>
  keys('create', '--id', id, '--tenant', 'search', '--scope', 'predict:a-*', ...more).split('\n')[0] ?? '';

describe('npm run keys', () => {
  it('creates a key, shows it once and keeps its hash', () => {
    const key = create('a', '--scope', 'embed,models:read', '--expires', '90d');
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain(partsOf(key).secret);
    const [entry] = readKeyFile(text);
    expect(entry).toMatchObject({
      id: 'a',
      tenant: 'search',
      scopes: ['predict:a-*', 'embed', 'models:read'],
      expires: '2027-02-22T00:00:00.000Z',
    });
    const digest = digestOf(entry?.hash ?? '');
    expect(digest && isSecret(partsOf(key).secret, digest)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('keeps the other keys, and writes JSON where the file is JSON', () => {
    file = file.replace('.yaml', '.json');
    create('a');
    create('b');
    expect((JSON.parse(readFileSync(file, 'utf8')) as { keys: unknown[] }).keys).toHaveLength(2);
    expect(readKeyFile(readFileSync(file, 'utf8')).map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('revokes, and lists what is good, expired and revoked', () => {
    create('a');
    create('b', '--expires', '2026-12-01');
    create('c');
    expect(keys('revoke', '--id', 'c')).toBe('c is revoked');
    expect(keys('list').split('\n')).toEqual([
      'ID  TENANT  SCOPES       STATE',
      'a   search  predict:a-*  good',
      'b   search  predict:a-*  good until 2026-12-01T00:00:00.000Z',
      'c   search  predict:a-*  revoked 2026-11-24T00:00:00.000Z',
    ]);
    expect(runKeysCommand(['list'], file, new Date('2026-12-02'))).toMatch(/b .* expired 2026-12-01/);
  });

  it('writes to what a link leads to, which stays a link', () => {
    create('a');
    const link = `${file}.link.yaml`;
    symlinkSync(file, link);
    expect(runKeysCommand(['revoke', '--id', 'a'], link, NOW)).toBe('a is revoked');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(keys('list')).toContain('revoked');
  });

  asRoot('leaves the file to the user and group that it belongs to: the server must be able to read it', () => {
    create('a');
    chownSync(file, 1234, 4321);
    chmodSync(file, 0o640);
    keys('revoke', '--id', 'a');
    const { uid, gid, mode } = statSync(file);
    expect([uid, gid, mode & 0o777]).toEqual([1234, 4321, 0o640]);
  });

  asRoot('changes nothing where the file would be of another user afterwards, and says who may', () => {
    const shared = join(folder, 'shared');
    mkdirSync(shared);
    file = join(shared, 'keys.yaml');
    create('a');
    const before = readFileSync(file, 'utf8');
    chmodSync(file, 0o644);
    for (const path of [folder, shared]) chmodSync(path, 0o777);
    process.seteuid?.(1234);
    try {
      expect(() => keys('revoke', '--id', 'a')).toThrow(/belongs to user 0 and group 0.* run this as that user, or as root/);
    } finally {
      process.seteuid?.(0);
    }
    expect([readFileSync(file, 'utf8'), readdirSync(shared)]).toEqual([before, ['keys.yaml']]);
  });

  it.each<[string, string[], RegExp]>([
    ['nothing', [], /^npm run keys/],
    ['an unknown verb', ['delete'], /^npm run keys/],
    ['an unknown option', ['create', '--name', 'x'], /--name/],
    ['no id', ['create', '--tenant', 't', '--scope', 'predict'], /--id is missing/],
    ['no scope', ['create', '--id', 'x', '--tenant', 't'], /--scope is missing/],
    ['a scope that is none', ['create', '--id', 'x', '--tenant', 't', '--scope', 'write'], /no scope/],
    ['an id that is none', ['create', '--id', 'X', '--tenant', 't', '--scope', 'predict'], /--id must be/],
    ['an end in the past', ['create', '--id', 'x', '--tenant', 't', '--scope', 'predict', '--expires', '2020-01-01'], /--expires/],
    ['an end that is none', ['create', '--id', 'x', '--tenant', 't', '--scope', 'predict', '--expires', 'soon'], /--expires/],
    ['an id that was used', ['create', '--id', 'a', '--tenant', 't', '--scope', 'predict'], /already/],
    ['an unknown key', ['revoke', '--id', 'nobody'], /no key nobody/],
    ['a second scope without --scope', ['create', '--id', 'x', '--tenant', 't', '--scope', 'predict', 'embed'], /--scope a --scope b/],
  ])('refuses %s and leaves the file as it is', (_, args, message) => {
    create('a');
    const before = readFileSync(file, 'utf8');
    expect(() => keys(...args)).toThrow(message);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });
});
