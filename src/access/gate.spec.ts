// Which of the two headers says who asks.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readEnvironment } from '../config/environment.js';
import { AuditLog } from './audit-log.js';
import { Gate } from './gate.js';
import { runKeysCommand } from './keys-command.js';

const folder = mkdtempSync(join(tmpdir(), 'nestor-gate-'));
const file = join(folder, 'keys.yaml');
const make = (id: string): string =>
  runKeysCommand(['create', '--id', id, '--tenant', 't', '--scope', 'predict'], file).split('\n')[0] ?? '';
const [one, two] = [make('one'), make('two')];
let gate: Gate;

beforeAll(async () => {
  const environment = readEnvironment({ ACCESS_KEYS_FILE: file, AUDIT_LOG: 'off' });
  gate = new Gate(environment, new AuditLog(environment));
  await gate.onModuleInit();
});
afterAll(() => {
  gate.onApplicationShutdown();
  rmSync(folder, { recursive: true });
});

describe('who asks', () => {
  it.each([
    ['Authorization', `Bearer ${one}`, undefined, 'one'],
    ['X-API-Key', undefined, two, 'two'],
    ['X-API-Key where both say something', `Bearer ${one}`, two, 'two'],
    ['Authorization where X-API-Key is empty, as proxies leave it', `Bearer ${one}`, '', 'one'],
  ])('is in %s', async (_, authorization, apiKey, id) => {
    expect(await gate.identify(authorization, apiKey)).toMatchObject({ id });
  });

  it('is not in a header that is malformed, though the same text was good in the other', async () => {
    await gate.identify(undefined, one);
    await gate.identify(`Bearer ${one}`, undefined);
    expect(() => gate.identify(one, undefined)).toThrow('The key or token is not valid');
    expect(() => gate.identify(undefined, `Bearer ${one}`)).toThrow('The key or token is not valid');
    expect(await gate.identify(undefined, one)).toMatchObject({ id: 'one' });
  });

  it.each([undefined, ''])('is nobody where there is no more than X-API-Key: %j', (apiKey) => {
    expect(() => gate.identify(undefined, apiKey)).toThrow('This needs a key or a token');
  });
});
