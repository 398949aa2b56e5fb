// A load: nothing is served from damaged weights, and what fails keeps nothing of the budget.
import { mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Registry } from 'prom-client';
import { removeRepositories, written } from '../../test/setup/repository.js';
import { identityModel } from '../../test/soak/identity-model.js';
import { BatchingService } from '../batching/batching.service.js';
import { Readiness } from '../health/readiness.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { starterUrl, WorkerThreads } from '../runtime/worker-threads.js';
import { Metrics } from '../telemetry/metrics.js';
import { contentOf } from './content-digest.js';
import { filesOf } from './folder-contents.js';
import { footprintOf, sumOf } from './footprint.js';
import { Manifest } from './manifest.js';
import { MemoryBudget } from './memory-budget.js';
import type { Model } from './model.js';
import { ModelLoader } from './model-loader.js';
import type { ModelOptions } from './model-options.js';
import { PreparedModels } from './prepared-models.js';

const runtime = new RuntimeService(new WorkerThreads(starterUrl()), new Readiness());
const PATH = 'models/all-minilm-l6-v2/1';
const ONE = Object.assign(new Manifest(), { runtime: { instances: 1, wide: false } });
const folder = { name: 'text', version: '1', path: PATH };

let cacheDir: string;
let options: { -readonly [key in keyof ModelOptions]: ModelOptions[key] };
let budget: MemoryBudget;
let metrics: Metrics;
let prepared: PreparedModels;
let loader: ModelLoader;
let said: string[];
const load = async (): Promise<Model> => loader.load(folder, ONE, await filesOf('models', PATH), () => Promise.resolve(false));

beforeEach(async () => {
  said = [];
  const note = (line: unknown): void => void said.push(String(line));
  Logger.overrideLogger({ log: note, warn: note, error: note });
  cacheDir = await mkdtemp(join(tmpdir(), 'nestor-load-'));
  options = { repository: 'models', cacheDir };
  metrics = new Metrics(new Registry());
  budget = new MemoryBudget(options);
  prepared = new PreparedModels(options, runtime);
  loader = new ModelLoader(runtime, new BatchingService(), metrics, prepared, budget);
});
afterEach(() => rm(cacheDir, { recursive: true }));
afterAll(async () => {
  await runtime.close();
  await removeRepositories();
});

async function preparations(): Promise<string[]> {
  const names = await readdir(join(cacheDir, 'prepared')).catch(() => []);
  return names.filter((name) => /^[0-9a-f]{32}$/.test(name));
}

/** Overwrites a part of the weights with bytes that are as many. */
async function damage(): Promise<string> {
  const [key = ''] = await preparations();
  const weights = join(cacheDir, 'prepared', key, 'model.onnx.data');
  const file = await open(weights, 'r+');
  await file.write('nonsense'.repeat(100_000), 50_000_000);
  await file.close();
  return weights;
}

it('prepares anew what was damaged, though its warm-up went well, and gives out no model before', async () => {
  const empty = budget.taken;
  await loader.end(await load());
  const weights = await damage();
  const { birthtimeMs } = await stat(weights);
  const model = await load();
  expect(said).toContainEqual(expect.stringContaining('its weights are damaged'));
  expect((await stat(weights)).birthtimeMs).toBeGreaterThan(birthtimeMs);
  expect(model.instances.alive).toEqual({ ready: 1, wanted: 1 });
  await loader.end(model);
  said = [];
  await loader.end(await load());
  expect(said.join()).not.toContain('damaged');
  expect(budget.taken).toBe(empty);
});

it('loads the original where what is prepared anew is damaged again, and reckons with what that takes', async () => {
  const empty = budget.taken;
  await loader.end(await load());
  prepared.isIntact = ({ prepared }) => Promise.resolve(!prepared);
  const model = await load();
  expect(said.filter((line) => line.includes('its weights are damaged'))).toHaveLength(2);
  expect(model.instances.alive).toEqual({ ready: 1, wanted: 1 });
  const { bytes } = await contentOf(await filesOf('models', PATH));
  expect(budget.taken - empty).toBeGreaterThan(2 * bytes);
  expect(model.memory.weightsPath).toBeUndefined();
  await loader.end(model);
});

it('prepares nothing that there is no room to prepare, and reckons with it while it does', async () => {
  const { bytes } = await contentOf(await filesOf('models', PATH));
  const empty = budget.taken;
  options.memoryBudgetBytes = empty + 2 * bytes;
  await expect(load()).rejects.toMatchObject({ code: 'MEMORY_BUDGET_EXCEEDED', message: expect.stringContaining('text/1') });
  expect(await preparations()).toEqual([]);
  options.memoryBudgetBytes = 0;
  let meanwhile = 0;
  const prepare = runtime.prepare.bind(runtime);
  jest.spyOn(runtime, 'prepare').mockImplementationOnce((...of) => {
    meanwhile = budget.taken;
    return prepare(...of);
  });
  const model = await load();
  expect(meanwhile - empty).toBeGreaterThan(2 * bytes);
  expect(budget.taken).toBe(empty + sumOf(model.memory.expected));
  await loader.end(model);
  expect(budget.taken).toBe(empty);
});

it('reckons with the graph that is served, not with other forms of the model beside it, where nothing can be prepared', async () => {
  const graph = identityModel('FP32', ['rows', 'values']);
  const repository = await written({ 'm/1/model.onnx': graph, 'm/1/model.safetensors': new Uint8Array(5 * 1024 * 1024) });
  await writeFile(join(cacheDir, 'prepared'), 'a file, so that nothing can be written there');
  const path = join(repository, 'm/1');
  const none = () => Promise.resolve(false);
  const model = await loader.load({ name: 'm', version: '1', path }, ONE, await filesOf(repository, path), none);
  const { weightsPath, expected, mode } = model.memory;
  expect(weightsPath).toBeUndefined();
  expect(expected).toEqual(footprintOf({ count: 1, wide: false, prepared: false }, graph.byteLength, mode));
  await loader.end(model);
});

it('gives its share of the budget back, whatever fails once it has it', async () => {
  const empty = budget.taken;
  metrics.workerRestarts.labels = () => {
    throw new Error('no such label');
  };
  await expect(load()).rejects.toThrow('no such label');
  expect(budget.taken).toBe(empty);
});
