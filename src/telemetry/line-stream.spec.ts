// A log that cannot be written costs its lines, and nothing else.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
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
});
