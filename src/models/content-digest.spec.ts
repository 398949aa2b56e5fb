// The digest follows what files hold and how they are called, and nothing else.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { contentDigest } from './content-digest.js';

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

it('is SHA-256 over names, lengths and contents', async () => {
  const digest = await contentDigest([await file('a', 'one'), await file('b', 'zwölf')]);
  expect(digest).toBe(createHash('sha256').update('a\x003\x00oneb\x006\x00zwölf').digest('hex'));
});

it('is the same wherever the files lie and whenever they were written', async () => {
  const here = await file('a', 'one');
  const there = await file('a', 'one', 'elsewhere');
  await utimes(there.path, 1, 1);
  expect(await contentDigest([here])).toBe(await contentDigest([there]));
});

it('tells contents, names, and where one file ends and the next begins', async () => {
  const digests = [
    await contentDigest([await file('a', 'one')]),
    await contentDigest([await file('a', 'two')]),
    await contentDigest([await file('b', 'one')]),
    await contentDigest([await file('a', 'on'), await file('b', 'e')]),
    await contentDigest([]),
  ];
  expect(new Set(digests).size).toBe(digests.length);
});
