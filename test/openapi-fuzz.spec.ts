// Whatever the OpenAPI document allows, and what it forbids, is answered as it says: no 5xx, no status, header or body that it does not have.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { send } from './setup/client.js';
import { ROOT } from './setup/paths.js';
import { python } from './setup/python.js';
import { Server } from './setup/server.js';

const CONFIG = join(ROOT, 'test/clients/schemathesis.toml');

let server: Server;
/** Where it may leave what it likes. */
let folder: string;
beforeAll(async () => {
  server = await Server.start({ TEI_API: 'on' });
  folder = await mkdtemp(join(tmpdir(), 'nestor-fuzz-'));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What schemathesis said, to its end, and whether it found nothing. */
async function fuzzed(interpreter: string): Promise<{ sound: boolean; report: string }> {
  const command = join(dirname(interpreter), 'schemathesis');
  const parameters = ['--config-file', CONFIG, 'run', `${server.url}/openapi.json`];
  try {
    const { stdout } = await promisify(execFile)(command, parameters, { cwd: folder, timeout: 120_000, maxBuffer: 64 * 1024 * 1024 });
    return { sound: true, report: stdout };
  } catch (thrown) {
    const { stdout = '', message } = thrown as Error & { stdout?: string };
    return { sound: false, report: stdout || message };
  }
}

it('schemathesis finds nothing in any route', async () => {
  const interpreter = python();
  if (!interpreter) return;
  const { sound, report } = await fuzzed(interpreter);
  expect(sound ? '' : report.slice(-20_000)).toBe('');
  const [, selected, all] = /Selected: (\d+)\/(\d+)/.exec(report) ?? [];
  expect(Number(selected)).toBeGreaterThan(30);
  expect(selected).toBe(all);
  expect((await send(`${server.url}/health/ready`)).status).toBe(200);
}, 300_000);
