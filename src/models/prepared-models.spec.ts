// Preparations: made once, found again, made anew where they are damaged, done without where they cannot be written.
import { randomUUID } from 'node:crypto';
import { open, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Readiness } from '../health/readiness.js';
import { InstanceGroup, type InstancePlan } from '../runtime/instance-group.js';
import { RuntimeService } from '../runtime/runtime.service.js';
import { starterUrl, WorkerThreads } from '../runtime/worker-threads.js';
import type { Tensor } from '../tensor.js';
import { contentOf, type Content } from './content-digest.js';
import { filesOf } from './folder-contents.js';
import { Manifest } from './manifest.js';
import { instancePlan } from './plans.js';
import { PreparedModels } from './prepared-models.js';

const FOLDER = 'models/all-minilm-l6-v2/1';
const runtime = new RuntimeService(new WorkerThreads(starterUrl()), new Readiness());
const threads = new WorkerThreads(starterUrl());
const plan = instancePlan(new Manifest(), join(FOLDER, 'model.onnx'), 45_000_000, 1);
let content: Content;
let cacheDir: string;
let models: PreparedModels;

beforeAll(async () => {
  Logger.overrideLogger(false);
  content = await contentOf(await filesOf('models', FOLDER));
});
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'nestor-prepared-'));
  models = new PreparedModels({ repository: 'models', cacheDir }, runtime);
});
afterEach(async () => {
  await Promise.all(groups.splice(0).map((group) => group.close()));
  await rm(cacheDir, { recursive: true });
});
afterAll(async () => {
  await threads.close();
  await runtime.close();
});

const groups: InstanceGroup[] = [];
/** Ended after the test, however it ends. */
function groupOf(of: InstancePlan): InstanceGroup {
  const nothing = (): void => undefined;
  const group = new InstanceGroup(of, () => threads.open(), runtime.cores, {
    onFree: nothing,
    onLost: nothing,
    onFailing: nothing,
    onUnfit: nothing,
  });
  groups.push(group);
  return group;
}
const weights = ({ modelPath }: InstancePlan): string => `${modelPath}.data`;
const inode = async (path: string): Promise<number> => (await stat(path)).ino;
const folders = (): Promise<string[]> => readdir(join(cacheDir, 'prepared'));

describe('a preparation', () => {
  it('is a graph with its weights beside it, found again, with the inputs and outputs of the original', async () => {
    const prepared = await models.prepared(plan, content, 'shared');
    expect(prepared).toMatchObject({
      prepared: true,
      provider: 'cpu',
      modelPath: expect.stringMatching(/prepared\/[0-9a-f]{32}\/model\.onnx$/),
    });
    expect((await stat(weights(prepared))).size).toBeGreaterThan(80_000_000);
    expect(await readFile(prepared.modelPath, 'latin1')).not.toContain('SkipLayerNormalization');
    const before = await inode(prepared.modelPath);
    expect(await models.prepared(plan, content, 'shared')).toEqual(prepared);
    expect(await inode(prepared.modelPath)).toBe(before);
    const start = async (of: InstancePlan) => {
      const group = groupOf(of);
      const { inputs, outputs } = await group.start();
      return { inputs, outputs };
    };
    expect(await start(prepared)).toEqual(await start(plan));
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['cut', (path) => truncate(path, 1_000_000)],
    [
      'damaged',
      async (path) => {
        const file = await open(path, 'r+');
        await file.write('nonsense', 50_000_000);
        await file.close();
      },
    ],
    ['gone', (path) => rm(path)],
  ])('whose weights are %s is made anew', async (_, damage) => {
    // prettier-ignore
    const first = await models.prepared(plan, content, 'shared');
    const { size } = await stat(weights(first));
    const before = await inode(dirname(first.modelPath));
    await damage(weights(first));
    expect(await models.prepared(plan, content, 'shared')).toEqual(first);
    expect((await stat(weights(first))).size).toBe(size);
    expect(await inode(dirname(first.modelPath))).not.toBe(before);
    expect(await folders()).toHaveLength(1);
  });

  it('that does not load is taken away', async () => {
    const prepared = await models.prepared(plan, content, 'speed');
    await models.discard(prepared);
    expect(await folders()).toEqual([]);
    await models.discard(plan);
    expect((await stat(plan.modelPath)).size).toBeGreaterThan(0);
  });

  it('by two at once is one, whole, and leaves nothing behind', async () => {
    const other = new PreparedModels({ repository: 'models', cacheDir }, runtime);
    const [mine, theirs] = await Promise.all([models.prepared(plan, content, 'shared'), other.prepared(plan, content, 'shared')]);
    expect([mine.prepared, theirs]).toEqual([true, mine]);
    expect(await folders()).toHaveLength(1);
    expect(await models.prepared(plan, content, 'shared')).toEqual(mine);
  });

  it('lies elsewhere for other contents, other session entries, another mode', async () => {
    const all = [
      await models.prepared(plan, content, 'shared'),
      await models.prepared(plan, { ...content, digest: 'other' }, 'shared'),
      await models.prepared({ ...plan, entries: { disable_prepacking: '1' } }, content, 'shared'),
      await models.prepared(plan, content, 'speed'),
    ];
    expect(new Set(all.map(({ modelPath }) => modelPath)).size).toBe(4);
  });
});

describe('what large files hold', () => {
  const LARGE = 5_000_000;
  let path: string;
  const listed = async () => [{ ...(await firstOf(await filesOf(cacheDir, join(cacheDir, 'm')))), changed: Date.now() - 60_000.5 }];
  const firstOf = async <T>([first]: T[]): Promise<T> => first ?? Promise.reject(new Error('no file'));
  /** Writes other bytes without anything to show for it. */
  const write = (value: number): Promise<void> => writeFile(path, Buffer.alloc(LARGE, value));
  beforeEach(async () => {
    await mkdir(join(cacheDir, 'm'));
    path = join(cacheDir, 'm/model.onnx');
    await write(1);
  });

  it('is read once, by all processes of a cache, and again when a file was touched', async () => {
    const files = await listed();
    const first = await models.contentOf(files);
    expect(first).toEqual(await contentOf(files));
    await write(2);
    const next = new PreparedModels({ repository: 'models', cacheDir }, runtime);
    expect(await next.contentOf(files)).toEqual(first);
    for (const touched of ['changed', 'modified', 'inode'] as const) {
      const other = files.map((file) => ({ ...file, [touched]: file[touched] - 1 }));
      expect(await next.contentOf(other)).toEqual(await contentOf(files));
    }
  });

  it.each([
    ['was written just now', () => Date.now() - 1000.5],
    ['has a date in whole seconds, as packed images have', () => 1_700_000_000_000],
  ])('is read each time where one %s', async (_, date) => {
    const files = (await listed()).map((file) => ({ ...file, changed: date() }));
    const first = await models.contentOf(files);
    await write(2);
    expect(await models.contentOf(files)).not.toEqual(first);
  });

  it('is read again where what was noted is not whole, and where nothing can be noted', async () => {
    const files = await listed();
    const first = await models.contentOf(files);
    for (const name of await folders()) await truncate(join(cacheDir, 'prepared', name), 10);
    expect(await models.contentOf(files)).toEqual(first);
    const nowhere = new PreparedModels({ repository: 'models', cacheDir: '/dev/null/nowhere' }, runtime);
    expect(await nowhere.contentOf(files)).toEqual(first);
    expect(await new PreparedModels({ repository: 'models' }, runtime).contentOf(files)).toEqual(first);
  });
});

describe('a preparation that ONNX Runtime writes and does not read', () => {
  // Its If branches have weights of one name, which are saved twice; below the limit of what is prepared, so a larger size is claimed.
  const vad = instancePlan(new Manifest(), 'models/silero-vad/1/model.onnx', 2_000_000, 1);
  const large = { bytes: 5_000_000, digest: 'silero-vad' };
  const said = async (of: PreparedModels): Promise<string[]> => {
    const lines: string[] = [];
    const note = (line: unknown): void => void lines.push(String(line));
    Logger.overrideLogger({ log: note, warn: note, error: note });
    expect(await of.prepared(vad, large, 'shared')).toBe(vad);
    Logger.overrideLogger(false);
    return lines;
  };

  it('is tried once, whichever process starts next, and the original is loaded', async () => {
    expect(await said(models)).toEqual([expect.stringMatching(/^models\/silero-vad.* is not prepared, each instance holds weights/)]);
    expect(await folders()).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.unfit$/)]);
    const next = new PreparedModels({ repository: 'models', cacheDir }, runtime);
    const image = new PreparedModels(
      { repository: 'models', cacheDir: join(cacheDir, 'own'), preparedDir: join(cacheDir, 'prepared') },
      runtime,
    );
    for (const other of [models, next, image]) expect(await said(other)).toEqual([expect.stringContaining('its preparation did not load')]);
    expect(await folders()).toHaveLength(1);
  });
});

describe('preparations that nobody uses', () => {
  const DAY_MS = 86_400_000;
  const aged = async (name: string, days: number): Promise<void> => {
    const then = new Date(Date.now() - days * DAY_MS);
    await utimes(join(cacheDir, 'prepared', name), then, then);
  };

  it('go after a week: those of other contents and versions, what a dead process left, marks; whatever else lies there stays', async () => {
    const [used, old] = [await models.prepared(plan, content, 'shared'), await models.prepared(plan, content, 'speed')];
    const name = (of: InstancePlan): string => basename(dirname(of.modelPath));
    const dead = `${'a'.repeat(32)}.4711.${randomUUID()}`;
    for (const folder of [dead, 'b'.repeat(32), 'mine']) await mkdir(join(cacheDir, 'prepared', folder));
    for (const file of [`${'c'.repeat(32)}.unfit`, `${'d'.repeat(32)}.unfit`])
      await writeFile(join(cacheDir, 'prepared', file), 'a reason');
    for (const each of [name(used), name(old), 'b'.repeat(32), 'mine', `${'c'.repeat(32)}.unfit`]) await aged(each, 8);
    await aged(dead, 0.1);
    await models.upkeep([used.modelPath, plan.modelPath]);
    expect((await folders()).sort()).toEqual([name(used), `${'d'.repeat(32)}.unfit`, 'mine'].sort());
    await aged(name(used), 6);
    await models.upkeep([]);
    expect(await folders()).toContain(name(used));
  });

  it('go before another is written; one that is loaded counts as used, and who maps a file that goes keeps it', async () => {
    const prepared = await models.prepared(plan, content, 'shared');
    await aged(basename(dirname(prepared.modelPath)), 8);
    expect(await models.prepared(plan, content, 'shared')).toEqual(prepared);
    const group = groupOf(prepared);
    const { inputs, outputs } = await group.start();
    await models.prepared(plan, content, 'speed');
    expect(await folders()).toHaveLength(2);
    await aged(basename(dirname(prepared.modelPath)), 8);
    await models.prepared(plan, { ...content, digest: 'other' }, 'speed');
    expect(await folders()).not.toContain(basename(dirname(prepared.modelPath)));
    const instance = group.seat(false);
    const ids = inputs.map(({ name }): Tensor => ({ name, datatype: 'INT64', shape: [1, 3], data: new BigInt64Array([0n, 1n, 1n]) }));
    const answer = instance && (await group.run(instance, ids, outputs.map(({ name }) => name))); // prettier-ignore
    expect(answer?.outputs).toHaveLength(outputs.length);
  });
});

describe('a folder of models that were prepared before', () => {
  let own: string;
  let image: PreparedModels;
  beforeEach(async () => {
    await models.prepared(plan, content, 'shared');
    own = await mkdtemp(join(tmpdir(), 'nestor-prepared-own-'));
    image = new PreparedModels({ repository: 'models', cacheDir: own, preparedDir: join(cacheDir, 'prepared') }, runtime);
  });
  afterEach(() => rm(own, { recursive: true }));

  it('is used, and nothing is written', async () => {
    expect(await image.prepared(plan, content, 'shared')).toEqual(await models.prepared(plan, content, 'shared'));
    const alone = new PreparedModels({ repository: 'models', preparedDir: join(cacheDir, 'prepared') }, runtime);
    expect((await alone.prepared(plan, content, 'shared')).prepared).toBe(true);
    expect(await alone.prepared(plan, content, 'speed')).toBe(plan);
    expect(await readdir(own)).toEqual([]);
  });

  it.each<[string, (first: InstancePlan) => Promise<unknown>]>([
    ['is damaged', (first) => truncate(weights(first), 1_000_000)],
    ['does not load', (first) => image.discard(first)],
    ['was made for another processor', ({ modelPath }) => rename(dirname(modelPath), `${dirname(modelPath)}0`)],
  ])('whose preparation %s stays as it is, and another is made in the cache', async (_, happens) => {
    await happens(await image.prepared(plan, content, 'shared'));
    const before = await folders();
    expect((await image.prepared(plan, content, 'shared')).modelPath.startsWith(join(own, 'prepared'))).toBe(true);
    expect(await folders()).toEqual(before);
  });
});

describe('the original is loaded', () => {
  it('where the disk cannot be written', async () => {
    await writeFile(join(cacheDir, 'prepared'), 'a file where a folder should be');
    expect(await models.prepared(plan, content, 'shared')).toBe(plan);
  });

  it('where it cannot be prepared', async () => {
    const broken = { ...plan, modelPath: join(cacheDir, 'broken.onnx') };
    await writeFile(broken.modelPath, 'nonsense');
    expect(await models.prepared(broken, content, 'shared')).toBe(broken);
    expect(await folders()).toEqual([]);
  });

  it('where there is no folder for it, on a GPU, and where it is small', async () => {
    expect(await new PreparedModels({ repository: 'models' }, runtime).prepared(plan, content, 'shared')).toBe(plan);
    const cuda = { ...plan, provider: 'cuda' } as const;
    expect(await models.prepared(cuda, content, 'shared')).toBe(cuda);
    const digits = await contentOf(await filesOf('models', 'models/digits/1'));
    expect(await models.prepared(plan, digits, 'shared')).toBe(plan);
  });
});
