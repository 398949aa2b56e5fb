// Which models and versions a repository holds.
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { unprivileged } from '../../test/setup/unprivileged.js';
import { filesOf, fingerprint } from './folder-contents.js';
import { findModel, holds, scan, type FoundModel } from './repository.js';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nestor-repository-'));
});
afterEach(() => rm(root, { recursive: true }));

async function folders(...paths: string[]): Promise<void> {
  for (const path of paths) await mkdir(join(root, path), { recursive: true });
}

const names = (found: readonly FoundModel[]): string[] => found.map(({ name }) => name);

describe('scan', () => {
  it('finds models in the order of their names', async () => {
    await folders('b/1', 'a/10');
    expect(await scan(root)).toEqual([
      { name: 'a', path: join(root, 'a') },
      { name: 'b', path: join(root, 'b') },
    ]);
  });

  it('passes over files, hidden folders and whatever has no version', async () => {
    await folders('a/1', '.git/1', 'scripts', 'empty', 'b/v2');
    await writeFile(join(root, 'requirements.txt'), '');
    await symlink(join(root, 'nothing'), join(root, 'link-to-nothing'));
    expect(names(await scan(root))).toEqual(['a']);
  });

  describe('with a folder that may not be read', () => {
    beforeEach(async () => {
      await folders('a/1', 'b/1', 'lost+found/inside');
      await chmod(root, 0o755);
    });
    afterEach(async () => {
      for (const name of ['a', 'lost+found']) await chmod(join(root, name), 0o755);
    });
    const lock = async (mode: number): Promise<void> => {
      for (const name of ['a', 'lost+found']) await chmod(join(root, name), mode);
    };

    it('leaves it to its load, and passes over it where no model can be called so, as in a volume of its own', async () => {
      await lock(0o000);
      await unprivileged(async () => {
        expect(names(await scan(root))).toEqual(['a', 'b']);
        await expect(holds(root, 'a')).resolves.toBe(true);
        await expect(findModel(root, 'a')).rejects.toThrow(join(root, 'a'));
      });
    });

    it('takes what it lists for there, though nothing in it can be looked at', async () => {
      await lock(0o644);
      await unprivileged(async () => {
        expect(names(await scan(root))).toEqual(['a', 'b']);
        await expect(holds(root, 'a')).resolves.toBe(true);
        await expect(findModel(root, 'a')).resolves.toMatchObject({ versions: [{ version: '1' }] });
      });
    });
  });

  it('passes over links that make a circle, and those behind a file', async () => {
    await folders('a/1');
    await writeFile(join(root, 'file'), '');
    await symlink('circle', join(root, 'circle'));
    await symlink('file/1', join(root, 'behind-a-file'));
    expect(names(await scan(root))).toEqual(['a']);
  });

  it('finds nothing in an empty repository', async () => {
    await expect(scan(root)).resolves.toEqual([]);
  });

  it('says which repository cannot be read', async () => {
    await expect(scan(join(root, 'none'))).rejects.toThrow(join(root, 'none'));
    await expect(holds(join(root, 'none'), 'a')).rejects.toThrow(join(root, 'none'));
  });
});

describe('findModel', () => {
  it('finds versions in the order of numbers, not of digits, and passes over what is none', async () => {
    await folders('a/10', 'a/9', 'a/100000000000000000', 'a/99999999999999999', 'a/examples', 'a/v2');
    await writeFile(join(root, 'a', '2'), 'a file');
    const found = await findModel(root, 'a');
    expect(found.versions.map(({ version }) => version)).toEqual(['9', '10', '99999999999999999', '100000000000000000']);
    expect(found).toMatchObject({ manifestPath: join(root, 'a', 'model.yaml'), versions: [{ path: join(root, 'a', '9') }, {}, {}, {}] });
  });

  it.each(['..', '../a', '.git', '/etc', 'a/1', '', 'with space', '-dash', 'Größe'])('refuses the name %j', async (name) => {
    await folders('a/1', '.git/1');
    await expect(findModel(root, name)).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'model' });
  });

  it('knows no folder without a version', async () => {
    await folders('empty');
    await expect(findModel(root, 'empty')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await expect(findModel(root, 'none')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect([await holds(root, 'empty'), await holds(root, 'none')]).toEqual([false, false]);
  });
});

describe('the files of a version', () => {
  const files = (): ReturnType<typeof filesOf> => filesOf(root, join(root, 'a/1'));
  beforeEach(async () => {
    await folders('a/1/onnx', 'blobs');
    await writeFile(join(root, 'a/1/model.onnx'), 'graph');
    await writeFile(join(root, 'blobs/data'), 'weights');
  });

  it('are all that lie in its folders, behind links within the repository too', async () => {
    await symlink('../../../blobs/data', join(root, 'a/1/onnx/model.onnx.data'));
    expect((await files()).map(({ name, bytes }) => [name, bytes])).toEqual([
      ['model.onnx', 5],
      ['onnx/model.onnx.data', 7],
    ]);
  });

  it('are none that tools and file systems keep there for themselves, whose names begin with a dot', async () => {
    const first = fingerprint(await files());
    await folders('a/1/.cache/huggingface', 'a/1/onnx/.git');
    await writeFile(join(root, 'a/1/.cache/huggingface/model.onnx.metadata'), 'downloaded today');
    await writeFile(join(root, 'a/1/onnx/.git/index'), 'looked at today');
    await writeFile(join(root, 'a/1/.nfs0001'), 'replaced, and still mapped by somebody');
    expect((await files()).map(({ name }) => name)).toEqual(['model.onnx']);
    expect(fingerprint(await files())).toBe(first);
  });

  it('are each there once where Kubernetes mounts them, and others when it exchanges them', async () => {
    await folders('a/2/..2026_01', 'a/2/..2026_02');
    const put = (folder: string): Promise<void> => writeFile(join(root, 'a/2', folder, 'model.onnx'), 'graph');
    const mounted = (): ReturnType<typeof filesOf> => filesOf(root, join(root, 'a/2'));
    await put('..2026_01');
    await put('..2026_02');
    await symlink('..2026_01', join(root, 'a/2/..data'));
    await symlink('..data/model.onnx', join(root, 'a/2/model.onnx'));
    const first = await mounted();
    expect(first.map(({ name, bytes }) => [name, bytes])).toEqual([['model.onnx', 5]]);
    await symlink('..2026_02', join(root, 'a/2/..data_tmp'));
    await rename(join(root, 'a/2/..data_tmp'), join(root, 'a/2/..data'));
    expect(fingerprint(await mounted())).not.toBe(fingerprint(first));
  });

  it.each(['/etc/hostname', '/etc', '../../..'])('may not be links out of the repository, such as one to %s', async (target) => {
    await symlink(target, join(root, 'a/1/config.json'));
    await expect(files()).rejects.toThrow('a/1/config.json is a symbolic link out of the repository');
  });

  it('end where links make a circle', async () => {
    await symlink('.', join(root, 'a/1/again'));
    await expect(files()).rejects.toThrow(/nested too deeply/);
  });

  it('have a fingerprint that tells when one is written, comes or goes', async () => {
    const first = fingerprint(await files());
    expect(fingerprint(await files())).toBe(first);
    await writeFile(join(root, 'a/1/model.onnx'), 'graph and more');
    const second = fingerprint(await files());
    await writeFile(join(root, 'a/1/config.json'), '{}');
    expect(new Set([first, second, fingerprint(await files()), fingerprint(await files(), 'another manifest')]).size).toBe(4);
  });
});
