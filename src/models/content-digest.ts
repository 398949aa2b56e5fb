// What the files of a model hold, in a few characters: two models of the same digest answer the same.
import { createHash } from 'node:crypto';
import { chunksOf } from './chunks.js';
import type { ContainedFile } from './folder-contents.js';

export interface Content {
  /** Of all files together. */
  readonly bytes: number;
  /** SHA-256 over names and contents, as hex; where the files lie and when they were written does not matter. */
  readonly digest: string;
}

/** Reads all files, once. */
export async function contentOf(files: readonly Pick<ContainedFile, 'name' | 'path' | 'bytes'>[]): Promise<Content> {
  const hash = createHash('sha256');
  for (const { name, path, bytes } of files) {
    hash.update(`${name}\0${bytes}\0`);
    for await (const chunk of chunksOf(path)) hash.update(chunk);
  }
  return { bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), digest: hash.digest('hex') };
}

/**
 * Names what answers depend on, for the keys of caches: 22 characters, 128 bits of SHA-256.
 * @param manifest the keys of `model.yaml` that matter, as a text.
 */
export function contentScope({ digest }: Content, manifest: string): string {
  return createHash('sha256').update(digest).update(manifest).digest().subarray(0, 16).toString('base64url');
}
