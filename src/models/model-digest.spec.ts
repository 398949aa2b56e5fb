// The digest of a model is of what it is made of.
import { mkdtemp, mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { fingerprint, modelDigest } from './model-digest.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nestor-digest-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function model(name: string, files: Record<string, string>): Promise<[folder: string, manifest: string]> {
  const folder = join(root, name, '1');
  for (const [path, content] of Object.entries(files)) {
    const target = join(path === 'model.yaml' ? join(root, name) : folder, path);
    await mkdir(join(target, '..'), { recursive: true });
    await writeFile(target, content);
  }
  return [folder, join(root, name, 'model.yaml')];
}

const FILES = { 'model.onnx': 'weights', 'model.onnx.data': 'more weights', '1_Pooling/config.json': '{}' };

it('is the same for the same content under another name', async () => {
  expect(await modelDigest(...(await model('one', FILES)))).toBe(await modelDigest(...(await model('two', FILES))));
});

it.each<[string, Record<string, string>]>([
  ['weights', { 'model.onnx': 'weighty' }],
  ['external data', { 'model.onnx.data': 'less weights' }],
  ['configuration', { '1_Pooling/config.json': '{ }' }],
  ['a file more', { 'tokenizer.json': '' }],
  ['the manifest', { 'model.yaml': 'normalize: true' }],
])('differs by %s', async (_, change) => {
  expect(await modelDigest(...(await model('one', FILES)))).not.toBe(await modelDigest(...(await model('two', { ...FILES, ...change }))));
});

it('has a fingerprint that notices a file of the same size', async () => {
  const where = await model('one', FILES);
  const before = await fingerprint(...where);
  expect(await fingerprint(...where)).toBe(before);
  await writeFile(join(where[0], 'model.onnx'), 'WEIGHTS');
  await utimes(join(where[0], 'model.onnx'), 1, 1);
  expect(await fingerprint(...where)).not.toBe(before);
});
