// The end of the runtime: what is still being loaded then leaves no thread behind.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Readiness } from '../health/readiness.js';
import type { InstancePlan } from './instance-group.js';
import { RuntimeService } from './runtime.service.js';
import { starterUrl, WorkerThreads } from './worker-threads.js';

const DIGITS: InstancePlan = {
  modelPath: 'models/digits/1/model.onnx',
  provider: 'cpu',
  deviceId: 0,
  entries: {},
  prepared: false,
  threads: 1,
  count: 1,
  wide: false,
  niceness: 0,
  aheadBelowSeconds: 0,
};
const nothing = (): void => undefined;
const EVENTS = { onFree: nothing, onLost: nothing };

let folder: string;
let runtime: RuntimeService;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nestor-runtime-'));
  runtime = new RuntimeService(new WorkerThreads(starterUrl()), new Readiness());
});
afterEach(async () => {
  await runtime.close();
  await rm(folder, { recursive: true });
});

it('ends what loads while it is closed', async () => {
  const group = runtime.group(DIGITS, EVENTS);
  const loading = group.start();
  await runtime.close();
  await expect(loading).resolves.toMatchObject({ inputs: [{ name: 'pixels' }] });
  expect([group.alive.ready, group.hopeful]).toEqual([0, false]);
});

it('starts no thread once it is closed, for a load that had not come so far', async () => {
  await runtime.close();
  expect(() => runtime.group(DIGITS, EVENTS)).toThrow('The server is shutting down');
  await expect(runtime.prepare(DIGITS, folder, false)).rejects.toThrow('The server is shutting down');
  await expect(runtime.probe(DIGITS)).rejects.toThrow('The server is shutting down');
});
