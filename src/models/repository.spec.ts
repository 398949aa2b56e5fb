// Which models and versions a repository holds.
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { filesOf, fingerprint } from './folder-contents.js';
import { findModel, scan, type ModelFolder } from './repository.js';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nestor-repository-'));
});
afterEach(() => rm(root, { recursive: true }));

async function folders(...paths: string[]): Promise<void> {
  for (const path of paths) await mkdir(join(root, path), { recursive: true });
}

const versions = (models: readonly ModelFolder[]): string[] =>
  models.flatMap((model) => model.versions.map(({ version }) => `${model.name}/${version}`));

describe('scan', () => {
  it('finds versions in the order of names and numbers, not of digits', async () => {
    await folders('b/1', 'a/10', 'a/9', 'a/100000000000000000', 'a/99999999999999999');
    const found = await scan(root);
    expect(versions(found)).toEqual(['a/9', 'a/10', 'a/99999999999999999', 'a/100000000000000000', 'b/1']);
    expect(found[0]).toMatchObject({ manifestPath: join(root, 'a', 'model.yaml'), versions: [{ path: join(root, 'a', '9') }, {}, {}, {}] });
  });

  it('passes over files, hidden folders and whatever is no version', async () => {
    await folders('a/1', 'a/examples', 'a/v2', '.git/1', 'scripts', 'empty');
    await writeFile(join(root, 'requirements.txt'), '');
    await writeFile(join(root, 'a', '2'), 'a file');
    await symlink(join(root, 'nothing'), join(root, 'link-to-nothing'));
    expect(versions(await scan(root))).toEqual(['a/1']);
  });

  it('passes over what it may not read where no model can be called so, as in a volume of its own, and says what else it may not read', async () => {
    await folders('a/1', 'lost+found');
    await chmod(root, 0o755);
    await chmod(join(root, 'lost+found'), 0o000);
    // Root may read everything.
    const user = process.geteuid?.() ?? 0;
    const other = user === 0 ? 65_534 : user;
    process.seteuid?.(other);
    try {
      expect(versions(await scan(root))).toEqual(['a/1']);
      process.seteuid?.(user);
      await chmod(join(root, 'a'), 0o000);
      process.seteuid?.(other);
      await expect(scan(root)).rejects.toThrow(join(root, 'a'));
    } finally {
      process.seteuid?.(user);
      await chmod(join(root, 'a'), 0o755);
    }
  });

  it('finds nothing in an empty repository', async () => {
    await expect(scan(root)).resolves.toEqual([]);
  });

  it('says which repository cannot be read', async () => {
    await expect(scan(join(root, 'none'))).rejects.toThrow(join(root, 'none'));
  });
});

describe('findModel', () => {
  it('finds a model that came later', async () => {
    await folders('late/2', 'late/1');
    await expect(findModel(root, 'late')).resolves.toMatchObject({ name: 'late', versions: [{ version: '1' }, { version: '2' }] });
  });

  it.each(['..', '../a', '.git', '/etc', 'a/1', '', 'with space', '-dash', 'Größe'])('refuses the name %j', async (name) => {
    await folders('a/1', '.git/1');
    await expect(findModel(root, name)).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'model' });
  });

  it('knows no folder without a version', async () => {
    await folders('empty');
    await expect(findModel(root, 'empty')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await expect(findModel(root, 'none')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
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
