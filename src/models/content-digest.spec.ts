// The digest follows what files hold and how they are called, and nothing else.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { contentOf } from './content-digest.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'nestor-digest-'));
});
afterAll(() => rm(root, { recursive: true }));

async function file(name: string, content: string, as = name) {
  const path = join(root, as);
  await writeFile(path, content);
  return { name, path, bytes: Buffer.byteLength(content) };
}

const digestOf = async (files: Parameters<typeof contentOf>[0]): Promise<string> => (await contentOf(files)).digest;

it('is SHA-256 over names, lengths and contents', async () => {
  const digest = await digestOf([await file('a', 'one'), await file('b', 'zwölf')]);
  expect(digest).toBe(createHash('sha256').update('a\x003\x00oneb\x006\x00zwölf').digest('hex'));
});

it('is the same wherever the files lie and whenever they were written', async () => {
  const here = await file('a', 'one');
  const there = await file('a', 'one', 'elsewhere');
  await utimes(there.path, 1, 1);
  expect(await digestOf([here])).toBe(await digestOf([there]));
});

it('tells contents, names, and where one file ends and the next begins', async () => {
  const digests = [
    await digestOf([await file('a', 'one')]),
    await digestOf([await file('a', 'two')]),
    await digestOf([await file('b', 'one')]),
    await digestOf([await file('a', 'on'), await file('b', 'e')]),
    await digestOf([]),
  ];
  expect(new Set(digests).size).toBe(digests.length);
});

it('reads files of many pieces whole, and counts their bytes', async () => {
  const large = 'nestor'.repeat(500_000);
  const { bytes, digest } = await contentOf([await file('large', large)]);
  expect(bytes).toBe(3_000_000);
  expect(digest).toBe(createHash('sha256').update(`large\0${bytes}\0${large}`).digest('hex'));
});
