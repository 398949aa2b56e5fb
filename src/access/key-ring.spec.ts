// What a wrong key tells: nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { readEnvironment } from '../config/environment.js';
import { AuditLog } from './audit-log.js';
import { Denial } from './denial.js';
import { runKeysCommand } from './keys-command.js';
import { KeyRing } from './key-ring.js';

const folder = mkdtempSync(join(tmpdir(), 'nestor-ring-'));
const audit = new AuditLog(readEnvironment({ AUDIT_LOG: join(folder, 'audit.jsonl') }));
const rings: KeyRing[] = [];
afterEach(() => {
  for (const ring of rings.splice(0)) ring.close();
});
afterAll(async () => {
  await audit.onApplicationShutdown();
  rmSync(folder, { recursive: true });
});

async function open(file: string): Promise<KeyRing> {
  const ring = await KeyRing.open(file, audit, () => undefined);
  rings.push(ring);
  return ring;
}

function create(file: string, id: string): string {
  return runKeysCommand(['create', '--id', id, '--tenant', 't', '--scope', 'predict'], file).split('\n')[0] ?? '';
}

function refusal(ring: KeyRing, key: string): Denial {
  try {
    ring.verify(key);
  } catch (thrown) {
    if (thrown instanceof Denial) return thrown;
  }
  throw new Error('no denial');
}

describe('a wrong key', () => {
  const file = join(folder, 'wrong.yaml');
  const key = create(file, 'known');
  const wrong = key.slice(0, -2) + (key.endsWith('AA') ? 'BB' : 'AA');
  const unknown = key.replace('known', 'other');

  it('hears the same, whatever is wrong with it', async () => {
    const ring = await open(file);
    expect(ring.verify(key).caller.id).toBe('known');
    const heard = [wrong, unknown, 'nst_', ''].map((text) => refusal(ring, text));
    expect(new Set(heard.map(({ code, message }) => `${code} ${message}`)).size).toBe(1);
    expect(heard.map(({ reason }) => reason)).toEqual(['wrong secret', 'unknown key', 'unknown key', 'unknown key']);
  });

  /**
   * The two kinds in turns, 10,000 of each. A comparison that left early, or a digest that were made for known ids alone, costs half of the
   * time or more; medians of interleaved blocks are steady to some per cent even on a busy machine.
   */
  it('takes the same time, whether its id is known or not', async () => {
    const ring = await open(file);
    const timed = (text: string): number => {
      const started = process.hrtime.bigint();
      for (let turn = 0; turn < 100; turn++) {
        try {
          ring.verify(text);
        } catch {
          // It is wrong.
        }
      }
      return Number(process.hrtime.bigint() - started);
    };
    const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? NaN;
    for (let warm = 0; warm < 20; warm++) timed(warm % 2 ? wrong : unknown);
    // Where an error was thrown takes longer to note than a digest to make, and would hide it.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    const rounds = Array.from({ length: 100 }, () => [timed(wrong), timed(unknown)] as const);
    const ratio = median(rounds.map(([a]) => a)) / median(rounds.map(([, b]) => b));
    Error.stackTraceLimit = stackTraceLimit;
    expect(ratio).toBeGreaterThan(0.75);
    expect(ratio).toBeLessThan(1.33);
  });
});

it('that is kept in a file that is not there stops the boot, by name', async () => {
  await expect(open(join(folder, 'nowhere.yaml'))).rejects.toThrow(/^ACCESS_KEYS_FILE=.*nowhere\.yaml/);
});
