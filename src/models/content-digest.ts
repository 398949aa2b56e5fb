// A digest of what files hold: two models of the same digest answer the same.
import { createHash } from 'node:crypto';
import { chunksOf } from './chunks.js';
import type { ContainedFile } from './folder-contents.js';

/** SHA-256 over names and contents, as hex; where the files lie and when they were written does not matter. */
export async function contentDigest(files: readonly Pick<ContainedFile, 'name' | 'path' | 'bytes'>[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { name, path, bytes } of files) {
    hash.update(`${name}\0${bytes}\0`);
    for await (const chunk of chunksOf(path)) hash.update(chunk);
  }
  return hash.digest('hex');
}

/**
 * Names what answers depend on, for the keys of caches: 22 characters, 128 bits of SHA-256.
 * @param manifest the keys of `model.yaml` that matter, as a text.
 */
export async function contentScope(files: Parameters<typeof contentDigest>[0], manifest: string): Promise<string> {
  const digest = createHash('sha256').update(await contentDigest(files)).update(manifest).digest(); // prettier-ignore
  return digest.subarray(0, 16).toString('base64url');
}
