// What was meant to be served and is not is said, with where it belongs.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { passedOver } from './passed-over.js';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nestor-repository-'));
});
afterEach(() => rm(root, { recursive: true }));

async function files(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), '');
  }
}

it.each([
  ['a graph without a folder', 'iris.onnx', 'iris.onnx is passed over: a model lies at <name>/1/model.onnx'],
  ['a graph without a version', 'iris/model.onnx', 'iris is passed over: its graph lies at iris/1/model.onnx'],
  ['an export without a version', 'iris/onnx/model.onnx', 'iris is passed over: '],
  ['a version that is no number', 'iris/v1/model.onnx', 'iris is passed over: '],
])('%s', async (_, path, reason) => {
  await files(path, 'good/1/model.onnx');
  expect(await passedOver(root)).toEqual([expect.stringContaining(reason)]);
});

it('a model.yaml of another name, or in the folder of a version', async () => {
  await files('a/1/model.onnx', 'a/model.yml', 'b/1/model.onnx', 'b/1/model.yaml');
  expect(await passedOver(root)).toEqual([
    'a/model.yml is passed over: it is called model.yaml',
    'b/1/model.yaml is passed over: it is for all versions, and lies at b/model.yaml',
  ]);
});

it('nothing of what belongs there, nor of what was never meant to be a model', async () => {
  await files(
    'a/1/model.onnx',
    'a/2/onnx/model.onnx',
    'a/model.yaml',
    'a/README.md',
    'a/examples/predict.json',
    'scripts/build.py',
    '.git/v1/x',
    'notes.txt',
  );
  expect(await passedOver(root)).toEqual([]);
  expect(await passedOver(join(root, 'none'))).toEqual([]);
});
