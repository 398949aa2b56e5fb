// A device that fails for good: the process stops being ready, refuses what it cannot do so that others do it, and ends to be replaced.
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { post, send, type Answer, type Problem } from './setup/client.js';
import { digits } from './setup/fixtures.js';
import { FIXTURES } from './setup/paths.js';
import { limited, removeRepositories } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

const body = { instances: digits().pixels.slice(0, 1) };
let server: Server;

beforeEach(async () => {
  const env = { MODEL_REPOSITORY: await limited(['digits'], 1), DRAIN_SECONDS: '1' };
  server = await Server.start({ CACHE: 'off', ...env }, ['--import', join(FIXTURES, 'preload/lose-device.mjs')]);
});
afterEach(async () => {
  await server.stop();
  await removeRepositories();
});

const predict = (): Promise<Answer> => post(`${server.url}/v1/models/digits/predict`, body);

it('is not ready with the reason, answers 503 with Retry-After while it is still routed to, and exits with 1', async () => {
  expect((await predict()).status).toBe(200);
  server.signal('SIGUSR2');
  const first = await until('a run to fail', async () => {
    const answer = await predict();
    return answer.status === 200 ? undefined : answer;
  });
  const next = await predict();
  const ready = await send(`${server.url}/health/ready`);
  const live = await send(`${server.url}/health/live`);

  for (const { status, body: problem, headers } of [first, next]) {
    expect([status, (problem as Problem).code, headers.get('retry-after')]).toEqual([503, 'MODEL_NOT_READY', '5']);
  }
  expect(first.text + next.text + ready.text).not.toContain('CUDA');
  expect([ready.status, ready.body]).toEqual([
    503,
    expect.objectContaining({ error: expect.objectContaining({ device: expect.objectContaining({ status: 'down' }) }) }),
  ]);
  expect(live.status).toBe(200);

  const { code, output } = await server.ended();
  expect(code).toBe(1);
  expect(output).toMatch(/the device failed for good.*CUDA failure 700/);
});
