// What a load makes of a version that serves already: it is kept as long as its files are the same and its threads can come back.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Registry } from 'prom-client';
import { removeRepositories, written } from '../../test/setup/repository.js';
import { until } from '../../test/setup/until.js';
import { identityModel } from '../../test/soak/identity-model.js';
import { BatchingService } from '../batching/batching.service.js';
import { Readiness } from '../health/readiness.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { starterUrl, WorkerThreads, type WorkerThread } from '../runtime/worker-threads.js';
import { Metrics } from '../telemetry/metrics.js';
import { Manifest } from './manifest.js';
import { MemoryBudget } from './memory-budget.js';
import { ModelLoader } from './model-loader.js';
import { ModelSource } from './model-source.js';
import { PreparedModels } from './prepared-models.js';

const ONE = Object.assign(new Manifest(), { runtime: { instances: 1, wide: false } });
/** Of less than this nothing is prepared. */
const LARGE = new Uint8Array(5 * 1024 * 1024);

let cacheDir: string;
beforeEach(async () => {
  Logger.overrideLogger(false);
  cacheDir = await mkdtemp(join(tmpdir(), 'nestor-source-'));
});
afterEach(() => rm(cacheDir, { recursive: true }));
afterAll(removeRepositories);

it('loads a version anew whose threads cannot come back since its preparation is gone, and keeps one that serves', async () => {
  const repository = await written({ 'm/1/model.onnx': identityModel('FP32', ['rows', 'values']), 'm/1/vocabulary.bin': LARGE });
  const threads = new WorkerThreads(starterUrl());
  const { mock } = jest.spyOn(threads, 'open');
  const runtime = new RuntimeService(threads, new Readiness());
  const options = { repository, cacheDir };
  const prepared = new PreparedModels(options, runtime);
  const loader = new ModelLoader(runtime, new BatchingService(), new Metrics(new Registry()), prepared, new MemoryBudget(options));
  const source = new ModelSource(options, loader);
  const folder = { name: 'm', version: '1', path: join(repository, 'm/1') };
  const hooks = { begins: () => undefined, makeRoom: () => Promise.resolve(false) };
  try {
    const first = await source.current(folder, ONE, undefined, hooks);
    await expect(source.current(folder, ONE, first, hooks)).resolves.toBe(first);
    await rm(join(cacheDir, 'prepared'), { recursive: true });
    (mock.results.at(-1)?.value as WorkerThread).postMessage('end');
    await until('its thread to fail to come back', () => first.instances.failing || undefined);
    const second = await source.current(folder, ONE, first, hooks);
    expect(second.instances.alive).toEqual({ ready: 1, wanted: 1 });
    await expect(source.current(folder, ONE, second, hooks)).resolves.toBe(second);
  } finally {
    await runtime.close();
  }
});
