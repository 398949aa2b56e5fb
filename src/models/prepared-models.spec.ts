// Preparations: made once, found again, made anew where they are damaged, done without where they cannot be written.
import { open, mkdtemp, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Readiness } from '../health/readiness.js';
import { InstanceGroup, type InstancePlan } from '../runtime/instance-group.js';
import { RuntimeService, workerUrl } from '../runtime/runtime.service.js';
import { filesOf, type ContainedFile } from './folder-contents.js';
import { Manifest } from './manifest.js';
import { instancePlan } from './plans.js';
import { PreparedModels } from './prepared-models.js';

const FOLDER = 'models/all-minilm-l6-v2/1';
const runtime = new RuntimeService(workerUrl(), new Readiness());
const plan = instancePlan(new Manifest(), join(FOLDER, 'model.onnx'), 45_000_000, 1);
let files: ContainedFile[];
let cacheDir: string;
let models: PreparedModels;

beforeAll(async () => {
  Logger.overrideLogger(false);
  files = await filesOf('models', FOLDER);
});
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'nestor-prepared-'));
  models = new PreparedModels({ repository: 'models', cacheDir }, runtime);
});
afterEach(() => rm(cacheDir, { recursive: true }));
afterAll(() => runtime.close());

const weights = ({ modelPath }: InstancePlan): string => `${modelPath}.data`;
const inode = async (path: string): Promise<number> => (await stat(path)).ino;
const folders = (): Promise<string[]> => readdir(join(cacheDir, 'prepared'));

describe('a preparation', () => {
  it('is a graph with its weights beside it, found again, with the inputs and outputs of the original', async () => {
    const prepared = await models.prepared(plan, files, 'shared');
    expect(prepared).toMatchObject({ prepared: true, provider: 'cpu', modelPath: expect.stringMatching(/prepared\/[0-9a-f]{32}\/model\.onnx$/) });
    expect((await stat(weights(prepared))).size).toBeGreaterThan(80_000_000);
    const before = await inode(prepared.modelPath);
    expect(await models.prepared(plan, files, 'shared')).toEqual(prepared);
    expect(await inode(prepared.modelPath)).toBe(before);
    const start = async (of: InstancePlan) => {
      const group = new InstanceGroup(of, workerUrl(), runtime.cores, { onFree: () => undefined, onLost: () => undefined, onUnfit: () => undefined });
      const { inputs, outputs } = await group.start();
      await group.close();
      return { inputs, outputs };
    };
    expect(await start(prepared)).toEqual(await start(plan));
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['cut', (path) => truncate(path, 1_000_000)],
    ['damaged', async (path) => {
      const file = await open(path, 'r+');
      await file.write('nonsense', 50_000_000);
      await file.close();
    }],
    ['gone', (path) => rm(path)],
  ])('whose weights are %s is made anew', async (_, damage) => { // prettier-ignore
    const first = await models.prepared(plan, files, 'shared');
    const { size } = await stat(weights(first));
    const before = await inode(dirname(first.modelPath));
    await damage(weights(first));
    expect(await models.prepared(plan, files, 'shared')).toEqual(first);
    expect((await stat(weights(first))).size).toBe(size);
    expect(await inode(dirname(first.modelPath))).not.toBe(before);
    expect(await folders()).toHaveLength(1);
  });

  it('that does not load is taken away', async () => {
    const prepared = await models.prepared(plan, files, 'speed');
    await models.discard(prepared);
    expect(await folders()).toEqual([]);
    await models.discard(plan);
    expect((await stat(plan.modelPath)).size).toBeGreaterThan(0);
  });

  it('by two at once is one, whole, and leaves nothing behind', async () => {
    const other = new PreparedModels({ repository: 'models', cacheDir }, runtime);
    const [mine, theirs] = await Promise.all([models.prepared(plan, files, 'shared'), other.prepared(plan, files, 'shared')]);
    expect([mine.prepared, theirs]).toEqual([true, mine]);
    expect(await folders()).toHaveLength(1);
    expect(await models.prepared(plan, files, 'shared')).toEqual(mine);
  });

  it('lies elsewhere for other contents, other session entries, another mode', async () => {
    const tiny = { name: 'other.txt', path: join(cacheDir, 'other.txt'), bytes: 1, modified: 0, inode: 0 };
    await writeFile(tiny.path, 'x');
    const all = [
      await models.prepared(plan, files, 'shared'),
      await models.prepared(plan, [...files, tiny], 'shared'),
      await models.prepared({ ...plan, entries: { disable_prepacking: '1' } }, files, 'shared'),
      await models.prepared(plan, files, 'speed'),
    ];
    expect(new Set(all.map(({ modelPath }) => modelPath)).size).toBe(4);
  });
});

describe('a folder of models that were prepared before', () => {
  let own: string;
  let image: PreparedModels;
  beforeEach(async () => {
    await models.prepared(plan, files, 'shared');
    own = await mkdtemp(join(tmpdir(), 'nestor-prepared-own-'));
    image = new PreparedModels({ repository: 'models', cacheDir: own, preparedDir: join(cacheDir, 'prepared') }, runtime);
  });
  afterEach(() => rm(own, { recursive: true }));

  it('is used, and nothing is written', async () => {
    expect(await image.prepared(plan, files, 'shared')).toEqual(await models.prepared(plan, files, 'shared'));
    const alone = new PreparedModels({ repository: 'models', preparedDir: join(cacheDir, 'prepared') }, runtime);
    expect((await alone.prepared(plan, files, 'shared')).prepared).toBe(true);
    expect(await alone.prepared(plan, files, 'speed')).toBe(plan);
    expect(await readdir(own)).toEqual([]);
  });

  it.each<[string, (first: InstancePlan) => Promise<unknown>]>([
    ['is damaged', (first) => truncate(weights(first), 1_000_000)],
    ['does not load', (first) => image.discard(first)],
    ['was made for another processor', ({ modelPath }) => rename(dirname(modelPath), `${dirname(modelPath)}0`)],
  ])('whose preparation %s stays as it is, and another is made in the cache', async (_, happens) => {
    await happens(await image.prepared(plan, files, 'shared'));
    const before = await folders();
    expect((await image.prepared(plan, files, 'shared')).modelPath.startsWith(join(own, 'prepared'))).toBe(true);
    expect(await folders()).toEqual(before);
  });
});

describe('the original is loaded', () => {
  it('where the disk cannot be written', async () => {
    await writeFile(join(cacheDir, 'prepared'), 'a file where a folder should be');
    expect(await models.prepared(plan, files, 'shared')).toBe(plan);
  });

  it('where it cannot be prepared', async () => {
    const broken = { ...plan, modelPath: join(cacheDir, 'broken.onnx') };
    await writeFile(broken.modelPath, 'nonsense');
    expect(await models.prepared(broken, files, 'shared')).toBe(broken);
    expect(await folders()).toEqual([]);
  });

  it('where there is no folder for it, on a GPU, and where it is small', async () => {
    expect(await new PreparedModels({ repository: 'models' }, runtime).prepared(plan, files, 'shared')).toBe(plan);
    const cuda = { ...plan, provider: 'cuda' } as const;
    expect(await models.prepared(cuda, files, 'shared')).toBe(cuda);
    const digits = await filesOf('models', 'models/digits/1');
    expect(await models.prepared(plan, digits, 'shared')).toBe(plan);
  });
});
