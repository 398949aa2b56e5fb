// What is loaded in vain is let go again: its threads, and its share of the budget.
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Registry } from 'prom-client';
import { ONE_WORKER, removeRepositories, written } from '../../test/setup/repository.js';
import { until } from '../../test/setup/until.js';
import { identityModel } from '../../test/soak/identity-model.js';
import { BatchingService } from '../batching/batching.service.js';
import { Readiness } from '../health/readiness.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { starterUrl, WorkerThreads } from '../runtime/worker-threads.js';
import { Metrics } from '../telemetry/metrics.js';
import { MemoryBudget } from './memory-budget.js';
import { ModelLoader } from './model-loader.js';
import type { ModelOptions } from './model-options.js';
import { ModelRegistry } from './model-registry.js';
import { ModelRollout } from './model-rollout.js';
import { ModelSource } from './model-source.js';
import { PreparedModels } from './prepared-models.js';

const runtime = new RuntimeService(new WorkerThreads(starterUrl()), new Readiness());
const IDENTITY = identityModel('FP32', ['rows', 'values']);
/** Reckoned for each of its instances. */
const MODEL_BYTES = 12 * 1024 * 1024 + 2 * IDENTITY.byteLength;
const nothing = (): Promise<boolean> => Promise.resolve(false);

let options: { -readonly [key in keyof ModelOptions]: ModelOptions[key] };
let models: ModelRegistry;
let budget: MemoryBudget;
let rollout: ModelRollout;
const serving = (): unknown => models.all.map(({ version, instances }) => [version, instances.alive]);

beforeEach(async () => {
  Logger.overrideLogger(false);
  const repository = await written({
    'm/1/model.onnx': IDENTITY,
    'm/2/model.onnx': IDENTITY,
    'm/model.yaml': `versions: all\n${ONE_WORKER}`,
  });
  options = { repository };
  const metrics = new Metrics(new Registry());
  models = new ModelRegistry();
  budget = new MemoryBudget(options);
  const loader = new ModelLoader(runtime, new BatchingService(), metrics, new PreparedModels(options, runtime), budget);
  rollout = new ModelRollout(options, new ModelSource(options, loader), loader, models, metrics);
});
afterEach(() => void jest.restoreAllMocks());
afterAll(async () => {
  await runtime.close();
  await removeRepositories();
});

const ALIVE = { ready: 1, wanted: 1 };

it('keeps the fresh instances of one version where there is no memory for those of another', async () => {
  const empty = budget.taken;
  await rollout.align(await rollout.describe('m'), nothing);
  const [first, second] = models.versions('m');
  options.memoryBudgetBytes = budget.taken + 1.5 * MODEL_BYTES;
  await expect(rollout.renew(await rollout.describe('m'), nothing)).rejects.toMatchObject({ code: 'MEMORY_BUDGET_EXCEEDED' });
  expect(serving()).toEqual([['1', ALIVE], ['2', ALIVE]]); // prettier-ignore
  expect(models.versions('m')).not.toContain(first);
  expect(models.versions('m')).toContain(second);
  await rollout.withdraw('m');
  await until('the memory of all to be given back', () => Promise.resolve(budget.taken === empty || undefined));
});

it('says on why the files of a version are not loaded while its instances are exchanged', async () => {
  await rollout.align(await rollout.describe('m'), nothing);
  await writeFile(join(options.repository, 'm/1/model.onnx'), 'nonsense');
  await expect(rollout.align(await rollout.describe('m'), nothing)).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' });
  const [second] = models.versions('m').slice(1);
  await rollout.renew(await rollout.describe('m'), nothing);
  expect(models.versions('m')).not.toContain(second);
  expect(rollout.states.index(models)).toMatchObject([
    { version: '1', state: 'READY', reason: expect.stringContaining('m/1') },
    { version: '2', state: 'READY', reason: '' },
  ]);
});

it('loads a version of which one thread comes back from the dead before all are there', async () => {
  const group = runtime.group.bind(runtime);
  jest.spyOn(runtime, 'group').mockImplementation((plan, events) => {
    events.onFree();
    return group(plan, events);
  });
  await rollout.align(await rollout.describe('m'), nothing);
  expect(serving()).toEqual([['1', ALIVE], ['2', ALIVE]]); // prettier-ignore
});

it('lets a version go that cannot be looked at any more once it is loaded', async () => {
  const empty = budget.taken;
  options.memoryBudgetBytes = 1;
  // While there is no room for the first, a link to nothing comes into its folder.
  const meanwhile = async (): Promise<boolean> => {
    await symlink('nowhere', join(options.repository, 'm/1/half'));
    options.memoryBudgetBytes = 0;
    return true;
  };
  await expect(rollout.align(await rollout.describe('m'), meanwhile)).rejects.toThrow('m/1 was written while it was loaded');
  expect(serving()).toEqual([['2', ALIVE]]);
  expect(budget.taken).toBe(empty + MODEL_BYTES);
});
