// What a model is made of: files, and nothing that could keep whoever reads it waiting.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { removeRepositories, written } from '../../test/setup/repository.js';
import { filesOf } from './folder-contents.js';

afterAll(removeRepositories);

it('refuses a pipe, which nobody may ever write to', async () => {
  const repository = await written({ 'm/1/labels.txt': 'one' });
  const folder = join(repository, 'm/1');
  expect((await filesOf(repository, folder)).map(({ name }) => name)).toEqual(['labels.txt']);
  execFileSync('mkfifo', [join(folder, 'model.onnx')]);
  await expect(filesOf(repository, folder)).rejects.toThrow('m/1/model.onnx is neither a file nor a folder');
});
