// What is asked of one model at one time, and models that come when they are used.
import { chmod, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Registry } from 'prom-client';
import { removeRepositories, withWorkers, written, type Files } from '../../test/setup/repository.js';
import { unprivileged } from '../../test/setup/unprivileged.js';
import { until } from '../../test/setup/until.js';
import { identityModel } from '../../test/soak/identity-model.js';
import { BatchingService } from '../batching/batching.service.js';
import { Readiness } from '../health/readiness.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { starterUrl, WorkerThreads } from '../runtime/worker-threads.js';
import { Metrics } from '../telemetry/metrics.js';
import { MemoryBudget } from './memory-budget.js';
import { ModelLoader } from './model-loader.js';
import { ModelManager } from './model-manager.js';
import type { ModelOptions } from './model-options.js';
import { ModelRegistry } from './model-registry.js';
import { ModelRollout } from './model-rollout.js';
import { ModelSource } from './model-source.js';
import { PreparedModels } from './prepared-models.js';
import { RepositoryPoll } from './repository-poll.js';

const IDENTITY = identityModel('FP32', ['rows', 'values']);
/** Reckoned for an instance. */
const INSTANCE_BYTES = 12 * 1024 * 1024 + 2 * IDENTITY.byteLength;
const onDemand = (workers: number): string => `loading: { onDemand: true }\n${withWorkers(workers)}`;

let runtime: RuntimeService;
let options: { -readonly [key in keyof ModelOptions]: ModelOptions[key] };
let models: ModelRegistry;
let budget: MemoryBudget;

async function managed(files: Files): Promise<ModelManager> {
  const manager = await manages(files);
  await manager.open();
  return manager;
}

async function manages(files: Files): Promise<ModelManager> {
  options = { repository: await written(files) };
  const metrics = new Metrics(new Registry());
  models = new ModelRegistry();
  budget = new MemoryBudget(options);
  const loader = new ModelLoader(runtime, new BatchingService(), metrics, new PreparedModels(options, runtime), budget);
  const source = new ModelSource(options, loader);
  return new ModelManager(options, source, new ModelRollout(options, source, loader, models, metrics), models, budget);
}

async function version(manager: ModelManager, name: string): Promise<string> {
  using lease = await manager.use({ name });
  return lease.model.version;
}

beforeEach(() => {
  Logger.overrideLogger(false);
  runtime = new RuntimeService(new WorkerThreads(starterUrl()), new Readiness());
});
afterEach(() => runtime.close());
afterAll(removeRepositories);

describe('a model', () => {
  it('that is unloaded stays so, though a change of its files was noticed before', async () => {
    const manager = await managed({ 'm/1/model.onnx': IDENTITY, 'm/model.yaml': withWorkers(1) });
    await Promise.all([manager.load('m'), manager.unload('m'), manager.refresh('m')]);
    expect(models.names).toEqual([]);
  });

  it('that is loaded again follows its files again, though it was still to be unloaded when that was asked', async () => {
    const manager = await managed({ 'm/1/model.onnx': IDENTITY, 'm/model.yaml': withWorkers(1) });
    await Promise.all([manager.load('m'), manager.unload('m'), manager.load('m')]);
    expect(models.names).toEqual(['m']);
    await rm(join(options.repository, 'm'), { recursive: true });
    await manager.refresh('m');
    expect(models.names).toEqual([]);
  });
});

describe('a folder that cannot be read', () => {
  const locked = async (mode: number): Promise<void> => chmod(join(options.repository, 'locked'), mode);
  let manager: ModelManager;
  beforeEach(async () => {
    manager = await manages({ 'locked/1/model.onnx': IDENTITY, 'locked/model.yaml': withWorkers(1), 'm/1/model.onnx': IDENTITY, 'm/model.yaml': withWorkers(1) }); // prettier-ignore
    await chmod(options.repository, 0o755);
    await locked(0o000);
  });
  afterEach(() => locked(0o755));

  it('is left out with its reason where the repository is watched, and keeps no other from being loaded', async () => {
    options.pollSeconds = 1;
    await unprivileged(() => manager.open());
    expect(models.names).toEqual(['m']);
    expect(manager.index).toContainEqual({
      name: 'locked',
      version: '',
      state: 'UNAVAILABLE',
      reason: expect.stringContaining(join(options.repository, 'locked')),
    });
    await unprivileged(() => expect(manager.load('locked')).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED', field: 'model' }));
    await rm(join(options.repository, 'm'), { recursive: true });
    await unprivileged(() => manager.refresh('m'));
    await locked(0o755);
    await manager.refresh('locked');
    expect(manager.index).toEqual([{ name: 'locked', version: '1', state: 'READY', reason: '' }]);
  });

  it('stops the start where it is not', async () => {
    await expect(unprivileged(() => manager.open())).rejects.toThrow(join(options.repository, 'locked'));
  });
});

it('says in the index what it could not look at, and has it serve on', async () => {
  const manager = await managed({ 'm/1/model.onnx': IDENTITY, 'm/model.yaml': withWorkers(1) });
  await rename(options.repository, `${options.repository}-away`);
  await expect(manager.refresh('m')).rejects.toThrow('cannot be read');
  await rename(`${options.repository}-away`, options.repository);
  expect(models.names).toEqual(['m']);
  expect(manager.index).toContainEqual({ name: 'm', version: '', state: 'UNAVAILABLE', reason: expect.stringContaining('cannot be read') });
  await manager.refresh('m');
  expect(manager.index).toEqual([{ name: 'm', version: '1', state: 'READY', reason: '' }]);
});

it('has a version serve on that cannot be looked at any more, whether others can or not', async () => {
  const manager = await managed({
    'm/1/model.onnx': IDENTITY,
    '.elsewhere/2/model.onnx': IDENTITY,
    'm/2': { link: '../.elsewhere/2' },
    'm/model.yaml': withWorkers(1),
  });
  await chmod(options.repository, 0o755);
  for (const folder of ['m', '.elsewhere']) {
    await chmod(join(options.repository, folder), 0o644);
    await unprivileged(() => expect(manager.refresh('m')).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' }));
    await chmod(join(options.repository, folder), 0o755);
    await expect(version(manager, 'm')).resolves.toBe('2');
    expect(manager.index).toContainEqual(expect.objectContaining({ name: 'm', reason: expect.stringContaining('EACCES') }));
    await manager.refresh('m');
    expect(manager.index).toEqual([{ name: 'm', version: '2', state: 'READY', reason: '' }]);
  }
});

it('exchanges no instances of a model that was unloaded meanwhile, and misses none', async () => {
  const manager = await managed({ 'm/1/model.onnx': IDENTITY, 'm/model.yaml': withWorkers(1) });
  await Promise.all([manager.unload('m'), manager.recycle()]);
  expect(models.names).toEqual([]);
});

it('waits for the memory of one that was unloaded and still answers', async () => {
  const manager = await managed({
    'a/1/model.onnx': IDENTITY,
    'a/model.yaml': withWorkers(1),
    'b/1/model.onnx': IDENTITY,
    'b/model.yaml': onDemand(1),
  });
  options.memoryBudgetBytes = budget.taken + 0.5 * INSTANCE_BYTES;
  const lease = await manager.use({ name: 'a' });
  await manager.unload('a');
  const reserve = jest.spyOn(budget, 'reserve');
  const answer = version(manager, 'b');
  await until('the other to ask for memory', () => Promise.resolve(reserve.mock.calls[0]));
  lease.release();
  await expect(answer).resolves.toBe('1');
});

let poll: RepositoryPoll | undefined;
afterEach(() => poll?.stop());

it('has all loaded that could not be since the repository was away for a while at the start', async () => {
  const manager = await manages({
    'a/1/model.onnx': IDENTITY,
    'a/model.yaml': withWorkers(1),
    'b/1/model.onnx': IDENTITY,
    'b/model.yaml': withWorkers(1),
  });
  Object.assign(options, { pollSeconds: 0.01 });
  const away = `${options.repository}-away`;
  const reserve = budget.reserve.bind(budget);
  jest.spyOn(budget, 'reserve').mockImplementationOnce(async (...of) => {
    await rename(options.repository, away);
    return reserve(...of);
  });
  poll = new RepositoryPoll(options, manager);
  await poll.begin();
  const failed = await manager.open();
  expect([models.names, ...failed.keys()]).toEqual([[], 'a', 'b']);
  await rename(away, options.repository);
  poll.start(failed);
  await until('both to serve', () => models.names.length === 2 || undefined);
});

describe('where the files ask for more memory than there is', () => {
  const put = (from: string, to: string): Promise<void> => rename(join(options.repository, from), join(options.repository, to));

  it('a watched repository has it loaded once there is room, and not tried before', async () => {
    const manager = await manages({
      'a/1/model.onnx': IDENTITY,
      'a/model.yaml': withWorkers(1),
      'b/1/model.onnx': IDENTITY,
      'b/model.yaml': withWorkers(1),
      '.c/1/model.onnx': IDENTITY,
      '.c/model.yaml': withWorkers(1),
    });
    Object.assign(options, { pollSeconds: 0.01, memoryBudgetBytes: budget.taken + 1.5 * INSTANCE_BYTES });
    const { mock } = jest.spyOn(budget, 'reserve');
    const tries = (count: number): Promise<unknown> => until(`try ${count}`, () => mock.calls[count - 1]);
    poll = new RepositoryPoll(options, manager);
    await poll.begin();
    poll.start(await manager.open());
    await put('.c', 'c');
    await tries(3);
    await rm(join(options.repository, 'a'), { recursive: true });
    await tries(5);
    expect(models.names).toEqual(['b']);
    await rm(join(options.repository, 'b'), { recursive: true });
    await until('the last of them to serve', () => models.names.includes('c') || undefined);
    expect(mock.calls.map(([name]) => name)).toEqual(['a/1', 'b/1', 'c/1', 'b/1', 'c/1', 'c/1']);
  });

  it('there is room once nobody uses a model any more that comes again when it is used', async () => {
    const manager = await managed({
      'a/1/model.onnx': IDENTITY,
      'a/model.yaml': onDemand(1),
      '.b/1/model.onnx': IDENTITY,
      '.b/model.yaml': withWorkers(1),
    });
    options.memoryBudgetBytes = budget.taken + 1.5 * INSTANCE_BYTES;
    const lease = await manager.use({ name: 'a' });
    await put('.b', 'b');
    await expect(manager.refresh('b')).rejects.toMatchObject({ code: 'MEMORY_BUDGET_EXCEEDED' });
    expect(manager.fitting).toEqual([]);
    lease.release();
    expect(manager.fitting).toEqual(['b']);
    await manager.refresh('b');
    expect([models.names, manager.fitting]).toEqual([['b'], []]);
  });

  it('a new version finds none in the version that serves on meanwhile', async () => {
    const manager = await managed({ 'm/1/model.onnx': IDENTITY, 'm/model.yaml': onDemand(1), '.2/model.onnx': IDENTITY });
    options.memoryBudgetBytes = budget.taken + 1.5 * INSTANCE_BYTES;
    await version(manager, 'm');
    await put('.2', 'm/2');
    await expect(manager.refresh('m')).rejects.toMatchObject({ code: 'MEMORY_BUDGET_EXCEEDED' });
    expect(manager.fitting).toEqual([]);
  });
});

describe('a model that is loaded when it is used', () => {
  it('serves the versions that can be loaded', async () => {
    const manager = await managed({
      'm/1/model.onnx': IDENTITY,
      'm/2/model.onnx': 'nonsense',
      'm/model.yaml': `versions: all\n${onDemand(1)}`,
    });
    await expect(version(manager, 'm')).resolves.toBe('1');
    await expect(version(manager, 'm')).resolves.toBe('1');
    expect(manager.sleeping).toEqual([]);
  });

  it('keeps nobody waiting beyond their deadline, and is loaded for whoever comes then', async () => {
    const manager = await managed({ 'm/1/model.onnx': IDENTITY, 'm/model.yaml': onDemand(1) });
    await expect(manager.use({ name: 'm' }, performance.now())).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(models.names).toEqual([]);
    await expect(version(manager, 'm')).resolves.toBe('1');
  });

  it('stays where even without it there would be no room for another', async () => {
    const manager = await managed({
      'a/1/model.onnx': IDENTITY,
      'a/model.yaml': onDemand(1),
      'b/1/model.onnx': IDENTITY,
      'b/model.yaml': onDemand(1),
      'large/1/model.onnx': IDENTITY,
      'large/model.yaml': onDemand(5),
    });
    options.memoryBudgetBytes = budget.taken + 4.5 * INSTANCE_BYTES;
    for (const name of ['a', 'b']) await version(manager, name);
    await expect(version(manager, 'large')).rejects.toMatchObject({ code: 'MODEL_NOT_READY' });
    expect(models.names).toEqual(['a', 'b']);
  });

  it('says nothing of versions that are gone while it sleeps', async () => {
    const manager = await managed({
      'm/1/model.onnx': IDENTITY,
      'm/2/model.onnx': IDENTITY,
      'm/model.yaml': `versions: all\n${onDemand(1)}`,
    });
    await rm(join(options.repository, 'm/2'), { recursive: true });
    await manager.refresh('m');
    expect(manager.index.map((state) => state.version)).toEqual(['1']);
  });
});
