// Every curl line of the README, pasted as it stands, succeeds and prints JSON.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ROOT } from './setup/paths.js';
import { Server } from './setup/server.js';

/** Refusals of the server count as failures. */
const STRICT = 'set -o pipefail; curl() { command curl --silent --show-error --fail-with-body "$@"; }\n';

/** The commands of all bash blocks that begin with curl, with the lines that they continue on. */
const commands = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```(?:bash|sh|shell)\n(.*?)^```/gms)]
  .flatMap(([, block = '']) => block.replaceAll(/\\\n\s*/g, ' ').split('\n'))
  .map((line) => line.replace(/^\$ /, '').trim())
  .filter((line) => line.startsWith('curl '));

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

it('has one for every model', () => {
  const text = commands.join('\n');
  for (const model of ['all-minilm-l6-v2', 'digits', 'text-orientation', 'silero-vad']) expect(text).toContain(model);
});

it.each(commands)('%s', async (command) => {
  expect(command).toMatch(/(localhost|127\.0\.0\.1):8000/);
  const script = STRICT + command.replaceAll(/(https?:\/\/)?(localhost|127\.0\.0\.1):8000/g, server.url);
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  expect(() => JSON.parse(stdout) as unknown).not.toThrow();
});
