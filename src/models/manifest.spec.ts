// model.yaml: every key has its rule, and what breaks one is named with its file.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ImageRecipe } from '../features/image-recipe.js';
import { loadingKeys, Manifest, readManifest } from './manifest.js';

let folder: string;
let path: string;

async function manifest(yaml: string): Promise<Manifest> {
  await writeFile(path, yaml);
  return readManifest(folder, path);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nestor-manifest-'));
  path = join(folder, 'model.yaml');
});
afterAll(() => rm(folder, { recursive: true }));

describe('readManifest', () => {
  it('reads every key', async () => {
    const read = await manifest(`
      task: image-classification
      labels: ["0", "180"]
      activation: softmax
      pooling: cls
      normalize: true
      maxLength: 256
      inputs: { x: { shape: [1, 2], values: [3] } }
      image: { height: 48, width: 192, fit: pad-right, channels: BGR }
      runtime: { provider: cuda, deviceId: 1, instances: 2, threads: 3, wide: false, session: { intra_op: { x: "1" } } }
      batching: { enabled: false, maxRows: 8, maxTokens: 512, tolerance: 1.2, maxDelayMs: 2.5 }
      queue: { maxItems: 5, maxTokens: 50, timeoutMs: 250 }
      loading: { onDemand: true, idleSeconds: 60 }
      versions: [1, "2"]
      versionLabels: { stable: 1, canary: "2" }
      traffic: { stable: 90, 2: 10 }
    `);
    expect(read).toMatchObject({
      task: 'image-classification',
      labels: ['0', '180'],
      runtime: { provider: 'cuda', deviceId: 1, instances: 2, threads: 3, wide: false, session: { intra_op: { x: '1' } } },
      batching: { enabled: false, maxRows: 8, maxTokens: 512, tolerance: 1.2, maxDelayMs: 2.5 },
      queue: { maxItems: 5, maxTokens: 50, timeoutMs: 250 },
      inputs: new Map([['x', { shape: [1, 2], values: [3] }]]),
      versions: ['1', '2'],
      versionLabels: new Map(Object.entries({ stable: '1', canary: '2' })),
      traffic: new Map(Object.entries({ stable: 90, 2: 10 })),
    });
    expect(read.image).toBeInstanceOf(ImageRecipe);
    expect(read.image).toMatchObject({ fit: 'pad-right', channels: 'BGR', layout: 'NCHW', std: [1, 1, 1] });
  });

  it.each(['all', '{ latest: 3 }'])('reads the policy %s of versions', async (policy) => {
    expect((await manifest(`versions: ${policy}`)).versions).toEqual(policy === 'all' ? 'all' : { latest: 3 });
  });

  it.each(['', '# nothing', '{}', '---\n'])('takes %j for an empty one', async (yaml) => {
    await expect(manifest(yaml)).resolves.toEqual(new Manifest());
  });

  it('takes keys with nothing behind them for keys that are not there', async () => {
    const keys = Object.keys(new Manifest());
    await expect(manifest(keys.map((key) => `${key}: # none\n`).join(''))).resolves.toEqual(new Manifest());
    const read = await manifest('runtime: { session: , threads: 2 }\ninputs: { x: { shape: , min: 1 } }');
    expect(read).toEqual(await manifest('runtime: { threads: 2 }\ninputs: { x: { min: 1 } }'));
  });

  it('takes a file that is not there for an empty one', async () => {
    await expect(readManifest(folder, join(folder, 'none.yaml'))).resolves.toEqual(new Manifest());
  });

  it.each([
    ['task: poetry', 'task'],
    ['labels: []', 'labels'],
    ['labels: [1, 2]', 'labels'],
    ['pooling: median', 'pooling'],
    ['maxLength: 0', 'maxLength'],
    ['maxLength: "many"', 'maxLength'],
    ['nomalize: true', 'nomalize'],
    ['image: { height: 48 }', 'image.width'],
    ['image: { height: 1, width: 1, mean: [1, 2] }', 'image.mean'],
    ['image: { height: 1, width: 1, std: [1, 0, 1] }', 'image.std'],
    ['image: { height: 224, width: 224, resize: 200 }', 'image.resize'],
    ['image: { height: 224, width: 224, resize: 256, fit: pad-right }', 'image.resize'],
    ['image: { height: 224, width: 224, interpolation: box }', 'image.interpolation'],
    ['image: 5', 'image'],
    ['runtime: { provider: tpu }', 'runtime.provider'],
    ['runtime: { instances: 0 }', 'runtime.instances'],
    ['runtime: { treads: 2 }', 'runtime.treads'],
    ['runtime: { session: { disable_prepacking: } }', 'runtime.session'],
    ['runtime: { session: { intra_op: { thread_affinities: [1, 2] } } }', 'runtime.session'],
    ['runtime: { session: { session.disable_prepacking: 1 } }', 'runtime.session'],
    ['runtime: { session: { session: { disable_prepacking: 1 } } }', 'runtime.session'],
    ['runtime: [{ instances: 2 }]', 'runtime'],
    ['batching: []', 'batching'],
    ['image: [{ height: 1, width: 1 }]', 'image'],
    ['image: { height: 1, width: 1, maxPixels: }', 'image.maxPixels'],
    ['inputs: { x: }', 'inputs.x'],
    ['batching: { maxDelayMs: 1e10 }', 'batching.maxDelayMs'],
    ['batching: { tolerance: 0.5 }', 'batching.tolerance'],
    ['batching: { maxDelayMs: -1 }', 'batching.maxDelayMs'],
    ['batching: { maxTokens: .inf }', 'batching.maxTokens'],
    ['queue: { maxItems: 1.5 }', 'queue.maxItems'],
    ['queue: { timeoutMs: 0 }', 'queue.timeoutMs'],
    ['loading: { idleSeconds: 0 }', 'loading.idleSeconds'],
    ['loading: { idleSeconds: 60 }', 'loading.idleSeconds'],
    ['loading: { onDemand: maybe }', 'loading.onDemand'],
    ['runtime: { memory: plenty }', 'runtime.memory'],
    ['versions: newest', 'versions'],
    ['versions: []', 'versions'],
    ['versions: [../1]', 'versions'],
    ['versions: { latest: 0 }', 'versions'],
    ['versions: { latest: 1, oldest: 1 }', 'versions'],
    ['versionLabels: { 1: 2 }', 'versionLabels'],
    ['versionLabels: { stable: newest }', 'versionLabels'],
    ['versionLabels: [stable]', 'versionLabels'],
    ['traffic: { stable: -1 }', 'traffic'],
    ['traffic: { stable: "10 %" }', 'traffic'],
    ['traffic: 10', 'traffic'],
    ['prompts: { constructor: "of: " }', 'prompts.constructor'],
    ['prompts: { __proto__: "of: " }', 'prompts.__proto__'],
    ['versionLabels: { constructor: 1 }', 'versionLabels.constructor'],
  ])('refuses %j and names the file and %s', async (yaml, key) => {
    const reading = manifest(yaml);
    await expect(reading).rejects.toThrow(path);
    await expect(reading).rejects.toThrow(`\n  ${key}: `);
  });

  it('loads anew for all but the keys of routing, whatever prompts are called', async () => {
    const keys = async (yaml: string): Promise<string> => loadingKeys(await manifest(yaml));
    expect(await keys('traffic: { 1: 5 }\nversions: all\nloading: { onDemand: true }')).toBe(await keys(''));
    for (const name of ['traffic', 'versions', 'versionLabels', 'loading'])
      expect(await keys(`prompts: { ${name}: "a: " }`)).not.toBe(await keys(`prompts: { ${name}: "b: " }`));
    expect(await keys('inputs: { loading: { min: 1 } }')).not.toBe(await keys('inputs: { loading: { min: 2 } }'));
  });

  it('says which keys there are instead of an unknown one', async () => {
    await expect(manifest('queue: { maxItem: 1 }')).rejects.toThrow(
      'queue.maxItem: there is no such key; there are maxItems, maxTokens, timeoutMs',
    );
  });

  it('says once that a value is of the wrong type', async () => {
    await expect(manifest('runtime: { instances: many }')).rejects.toThrow(
      /:\n {2}runtime\.instances: instances must be an integer number$/,
    );
  });

  it('names all that is wrong at once', async () => {
    await expect(manifest('task: poetry\nbatching: { maxRows: 0 }')).rejects.toThrow(/task: [^]*batching\.maxRows: /);
  });

  it.each([
    ['{ unclosed', 'is not YAML'],
    ['- a\n- b', 'must hold keys and values'],
    ['just words', 'must hold keys and values'],
  ])('refuses %j: the file %s', async (yaml, reason) => {
    const reading = manifest(yaml);
    await expect(reading).rejects.toThrow(path);
    await expect(reading).rejects.toThrow(reason);
  });

  it('reads no folder, and no pipe, which nobody may ever write to', async () => {
    await expect(readManifest(folder, folder)).rejects.toThrow(`${folder} is no file`);
    const pipe = join(folder, 'pipe.yaml');
    execFileSync('mkfifo', [pipe]);
    await expect(readManifest(folder, pipe)).rejects.toThrow(`${pipe} is no file`);
  });

  it('shows nothing of a file out of the repository', async () => {
    const link = join(folder, 'link.yaml');
    await symlink('/etc/hosts', link);
    await expect(readManifest(folder, link)).rejects.toThrow('link.yaml is a symbolic link out of the repository');
  });
});
