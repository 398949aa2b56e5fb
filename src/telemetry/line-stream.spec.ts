// A log that cannot be written costs its lines, and nothing else.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { openLines } from './line-stream.js';

/** A disk without room. */
const FULL = '/dev/full';

describe('lines', () => {
  it('on a disk that is full are lost, which is told once, and hold up neither the process nor its end', async () => {
    const reasons: string[] = [];
    const { promise: told, resolve: tell } = Promise.withResolvers<undefined>();
    const dest = openSync(FULL, 'a');
    const lines = openLines({ dest, minLength: 1 }, (reason) => {
      reasons.push(reason);
      tell(undefined);
    });
    lines.write('one\n');
    await told;
    const { promise: again, resolve: failed } = Promise.withResolvers<undefined>();
    lines.once('error', () => {
      failed(undefined);
    });
    lines.write('two\n');
    await again;
    lines.flushSync();
    expect(reasons).toEqual([expect.stringContaining('ENOSPC')]);
    closeSync(dest);
  });

  it('that can be written are, all of them, at the end too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nestor-lines-'));
    const file = join(folder, 'log');
    const lines = openLines({ dest: openSync(file, 'a'), minLength: 4096 }, () => undefined);
    lines.write('one\n');
    lines.write('two\n');
    lines.flushSync();
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n');
    await rm(folder, { recursive: true });
  });

  it('that wait for company leave after a while, and nothing is written while there are none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nestor-lines-'));
    const file = join(folder, 'log');
    const lines = openLines({ dest: openSync(file, 'a'), minLength: 4096, flushAfterMs: 5 }, () => undefined);
    const flush = jest.spyOn(lines, 'flush');
    const { promise: idle, resolve: rest } = Promise.withResolvers<undefined>();
    lines.write('one\n');
    expect(readFileSync(file, 'utf8')).toBe('');
    // Once for the line, and once for what may have come while it was written.
    lines.on('drain', () => {
      if (flush.mock.calls.length === 2) setImmediate(rest, undefined);
    });
    await idle;
    expect(readFileSync(file, 'utf8')).toBe('one\n');
    expect(flush).toHaveBeenCalledTimes(2);
    await rm(folder, { recursive: true });
  });

  it('that come while others are written leave after them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nestor-lines-'));
    const file = join(folder, 'log');
    const lines = openLines({ dest: openSync(file, 'a'), minLength: 4096, flushAfterMs: 1 }, () => undefined);
    lines.write('x'.repeat(4096));
    lines.write('one\n');
    const { promise: written, resolve: done } = Promise.withResolvers<undefined>();
    lines.on('drain', () => {
      if (readFileSync(file, 'utf8').endsWith('one\n')) done(undefined);
    });
    await written;
    await rm(folder, { recursive: true });
  });
});
