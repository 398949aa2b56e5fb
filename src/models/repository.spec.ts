// Which models and versions a repository holds.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { scan } from './repository.js';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nestor-repository-'));
});
afterEach(() => rm(root, { recursive: true }));

async function folders(...paths: string[]): Promise<void> {
  for (const path of paths) await mkdir(join(root, path), { recursive: true });
}

describe('scan', () => {
  it('finds versions in the order of names and numbers, not of digits', async () => {
    await folders('b/1', 'a/10', 'a/9', 'a/100000000000000000', 'a/99999999999999999');
    const found = await scan(root);
    expect(found.map(({ name, version }) => `${name}/${version}`)).toEqual([
      'a/9',
      'a/10',
      'a/99999999999999999',
      'a/100000000000000000',
      'b/1',
    ]);
    expect(found[0]).toMatchObject({ path: join(root, 'a', '9'), manifestPath: join(root, 'a', 'model.yaml') });
  });

  it('passes over files, hidden folders and whatever is no version', async () => {
    await folders('a/1', 'a/examples', 'a/v2', '.git/1', 'scripts', 'empty');
    await writeFile(join(root, 'requirements.txt'), '');
    await writeFile(join(root, 'a', '2'), 'a file');
    expect((await scan(root)).map(({ name, version }) => `${name}/${version}`)).toEqual(['a/1']);
  });

  it('finds nothing in an empty repository', async () => {
    await expect(scan(root)).resolves.toEqual([]);
  });

  it.each(['with space', '-dash', 'Größe'])('refuses the name %j, and names the path', async (name) => {
    await folders(`${name}/1`);
    await expect(scan(root)).rejects.toThrow(join(root, name));
  });

  it('says which repository cannot be read', async () => {
    await expect(scan(join(root, 'none'))).rejects.toThrow(join(root, 'none'));
  });
});
