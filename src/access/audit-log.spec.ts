// The audit log is whole at the end of the process, and its disk holds nobody up.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readEnvironment } from '../config/environment.js';
import { AuditLog } from './audit-log.js';
import { unauthenticated } from './denial.js';

const folder = mkdtempSync(join(tmpdir(), 'nestor-audit-'));
const log = (file: string): AuditLog => new AuditLog(readEnvironment({ AUDIT_LOG: file }));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the audit log', () => {
  it('has all its lines when the process ends', async () => {
    const file = join(folder, 'audit.jsonl');
    const audit = log(file);
    for (let line = 0; line < 1000; line++) audit.write({ event: 'used', caller: String(line) });
    await audit.onApplicationShutdown();
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(1000);
  });

  it('tells of nobody for others, however many strangers there are', async () => {
    const file = join(folder, 'strangers.jsonl');
    const audit = log(file);
    const deny = (reason: string, address: string, caller?: string): void => {
      audit.denied(unauthenticated('no', reason, caller), { door: 'http', route: '/', address, requestId: 'r' });
    };
    for (let stranger = 0; stranger < 2000; stranger++) deny('unknown key', `stranger ${stranger}`);
    deny('unknown key', 'stranger 0');
    deny('wrong secret', '10.0.0.5', 'search-prod');
    deny('revoked', '6.6.6.6', 'admin-key');
    deny('revoked', '7.7.7.7', 'other-key');
    await audit.onApplicationShutdown();
    const written = readFileSync(file, 'utf8').trim().split('\n').slice(1000);
    const lines = written.map((line) => JSON.parse(line) as Record<string, unknown>);
    const others = { event: 'denied', code: 'UNAUTHENTICATED', time: expect.any(String) };
    expect(lines).toEqual([
      { ...others, reason: 'unknown key' },
      { ...others, reason: 'wrong secret' },
      { ...others, reason: 'revoked' },
      { ...others, reason: 'unknown key', door: 'http', route: '/', address: 'stranger 0', repeats: 1 },
      { ...others, reason: 'unknown key', repeats: 999 },
      { ...others, reason: 'revoked', repeats: 1 },
    ]);
  });

  it('on a disk that is full does not keep the process from ending', async () => {
    const audit = log('/dev/full');
    audit.write({ event: 'used', caller: 'one' });
    audit.write({ event: 'used', caller: 'two' });
    await audit.onApplicationShutdown();
    audit.write({ event: 'used', caller: 'three' });
    await audit.onApplicationShutdown();
  });

  it('that is off is nowhere', async () => {
    const audit = log('off');
    audit.write({ event: 'used' });
    await expect(audit.onApplicationShutdown()).resolves.toBeUndefined();
  });
});
