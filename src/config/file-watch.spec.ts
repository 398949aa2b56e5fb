// Files that have changed and cannot be read: they are tried again at each look, and are said to be wrong once.
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as files from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { AuditEvent, AuditLog } from '../access/audit-log.js';

/** Whether the system has descriptors to give. */
let exhausted = false;
function opened(): void {
  if (exhausted) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' });
}
jest.unstable_mockModule('node:fs', () => ({
  ...fs,
  readFileSync: (...given: Parameters<typeof fs.readFileSync>) => {
    opened();
    return fs.readFileSync(...given);
  },
}));
jest.unstable_mockModule('node:fs/promises', () => ({
  ...files,
  readFile: async (...given: Parameters<typeof files.readFile>) => {
    opened();
    return files.readFile(...given);
  },
}));

/** The pause before the next look, which ends when the test says so. */
let pause = Promise.withResolvers<boolean>();
let paused = Promise.withResolvers<boolean>();
jest.unstable_mockModule('node:timers/promises', () => ({
  setTimeout: () => {
    pause = Promise.withResolvers();
    paused.resolve(true);
    return pause.promise;
  },
}));
async function look(): Promise<void> {
  await paused.promise;
  paused = Promise.withResolvers();
  pause.resolve(true);
  await paused.promise;
}

const { KeyRing } = await import('../access/key-ring.js');
const { runKeysCommand } = await import('../access/keys-command.js');
const { Tls } = await import('../access/tls.js');
const { Tenants } = await import('../tenants/tenants.js');
const { readEnvironment } = await import('./environment.js');

const folder = fs.mkdtempSync(join(tmpdir(), 'nestor-watch-'));
const path = (name: string): string => join(folder, name);
const complaints = jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
beforeEach(() => {
  exhausted = false;
  paused = Promise.withResolvers();
  complaints.mockClear();
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

describe('a file that changed while there were no descriptors is read once there are, and that it could not be read is said once:', () => {
  async function changesLate(change: () => void, holds: () => boolean): Promise<void> {
    change();
    exhausted = true;
    for (let looks = 0; looks < 3; looks++) await look();
    expect([holds(), complaints.mock.calls.length]).toEqual([false, 1]);
    expect(complaints).toHaveBeenCalledWith(expect.stringContaining('EMFILE'));
    exhausted = false;
    await look();
    expect([holds(), complaints.mock.calls.length]).toEqual([true, 1]);
  }

  it('a key that was revoked is refused', async () => {
    const file = path('keys.yaml');
    const [key = ''] = runKeysCommand(['create', '--id', 'leaver', '--tenant', 't', '--scope', 'predict'], file).split('\n');
    const events: AuditEvent[] = [];
    const audit: Partial<AuditLog> = { write: (event) => void events.push(event) };
    const ring = await KeyRing.open(file, audit as AuditLog, () => undefined);
    const refused = (): boolean => {
      try {
        ring.verify(key);
        return false;
      } catch {
        return true;
      }
    };
    await changesLate(() => void runKeysCommand(['revoke', '--id', 'leaver'], file), refused);
    const failure = 'the file cannot be read; the keys that were read before stay good';
    expect(events).toEqual([{ event: 'keys', failure }, { event: 'keys', keys: 1 }]); // prettier-ignore
    ring.close();
  });

  it('certificates are exchanged', async () => {
    const made = (): void => {
      const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout key.pem -out cert.pem';
      execFileSync('openssl', request.split(' '), { cwd: folder, stdio: 'pipe' });
    };
    made();
    const tls = new Tls(readEnvironment({ TLS_CERT_FILE: path('cert.pem'), TLS_KEY_FILE: path('key.pem') }));
    tls.onChange(() => undefined);
    await changesLate(made, () => tls.current?.cert.equals(fs.readFileSync(path('cert.pem'))) === true);
    tls.onApplicationShutdown();
  });

  it('limits of tenants hold', async () => {
    const file = path('tenants.yaml');
    fs.writeFileSync(file, '');
    const tenants = new Tenants(file, undefined);
    await tenants.onModuleInit();
    const change = (): void => {
      fs.writeFileSync(file, 'default: { limits: { requests: 1/day } }');
    };
    await changesLate(change, () => tenants.of('team').policies !== undefined);
    await tenants.onApplicationShutdown();
  });
});

it('a file that is wrong is left alone until it changes', async () => {
  const file = path('wrong.yaml');
  fs.writeFileSync(file, '');
  const tenants = new Tenants(file, undefined);
  await tenants.onModuleInit();
  for (const text of ['default: 1', 'default: [1]']) {
    fs.writeFileSync(file, text);
    for (let looks = 0; looks < 3; looks++) await look();
  }
  expect(complaints.mock.calls).toHaveLength(2);
  await tenants.onApplicationShutdown();
});
