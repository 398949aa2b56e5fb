// A change of the repository is reported once, and only after it has lain still for a whole look.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { RepositoryWatch } from './repository-watch.js';

let root: string;
let watch: RepositoryWatch;
const put = async (path: string, content: string): Promise<void> => {
  await mkdir(join(root, path, '..'), { recursive: true });
  await writeFile(join(root, path), content);
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nestor-watch-'));
  await put('a/1/model.onnx', 'graph');
  await put('b/1/model.onnx', 'graph');
  watch = new RepositoryWatch(root);
  await watch.begin();
});
afterEach(() => rm(root, { recursive: true }));

it('reports nothing where nothing has changed', async () => {
  expect([await watch.changed(), await watch.changed()]).toEqual([[], []]);
});

it('reports a folder once it has been the same for two looks, and then no more', async () => {
  await put('a/2/model.onnx', 'half');
  expect(await watch.changed()).toEqual([]);
  await put('a/2/model.onnx', 'half and more');
  expect(await watch.changed()).toEqual([]);
  await put('a/2/model.onnx', 'all of it at last');
  expect(await watch.changed()).toEqual([]);
  expect(await watch.changed()).toEqual(['a']);
  expect(await watch.changed()).toEqual([]);
});

it('reports a new manifest, a new model, and before them one that is gone', async () => {
  await put('a/model.yaml', 'task: tensors');
  await put('c/1/model.onnx', 'graph');
  await rm(join(root, 'b'), { recursive: true });
  expect(await watch.changed()).toEqual([]);
  expect(await watch.changed()).toEqual(['b', 'a', 'c']);
});

it('does not report what came and went between', async () => {
  await put('c/1/model.onnx', 'graph');
  await watch.changed();
  await rm(join(root, 'c'), { recursive: true });
  expect([await watch.changed(), await watch.changed()]).toEqual([[], []]);
});

it('throws where the repository is away for a while, and has missed nothing afterwards', async () => {
  const other = new RepositoryWatch(join(root, 'mounted'));
  await put('mounted/a/1/model.onnx', 'graph');
  await other.begin();
  await rm(join(root, 'mounted'), { recursive: true });
  await expect(other.changed()).rejects.toThrow('cannot be read');
  await put('mounted/a/1/model.onnx', 'another graph');
  await other.changed();
  expect(await other.changed()).toEqual(['a']);
});

it('reports once more what could not be followed, and what is gone too', async () => {
  await put('a/model.yaml', 'task: tensors');
  await rm(join(root, 'b'), { recursive: true });
  await watch.changed();
  const changed = await watch.changed();
  expect(changed).toEqual(['b', 'a']);
  for (const name of changed) watch.again(name);
  expect([await watch.changed(), await watch.changed()]).toEqual([['b', 'a'], []]);
});
