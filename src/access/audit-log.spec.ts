// The audit log is whole at the end of the process, and its disk holds nobody up.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readEnvironment } from '../config/environment.js';
import { AuditLog } from './audit-log.js';

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
