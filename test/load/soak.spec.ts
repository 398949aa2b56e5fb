// A short soak of the built server; `npm run soak` is the long one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';

const SECONDS = 20;
const SOAK = join(import.meta.dirname, '../soak/soak.ts');

describe('the soak', () => {
  it(
    'of deadlines, hang-ups, malformed bodies and dying workers leaves a server that is well',
    async () => {
      const soak = spawn(process.execPath, [SOAK], {
        env: { ...process.env, SOAK_SECONDS: String(SECONDS) },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [output, errors] = await Promise.all([text(soak.stdout), text(soak.stderr), once(soak, 'close')]);
      expect({ code: soak.exitCode, output: output + errors }).toEqual({ code: 0, output: expect.stringContaining('all is well') });
    },
    (SECONDS + 120) * 1000,
  );
});
