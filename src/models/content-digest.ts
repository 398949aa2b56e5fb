// A digest of what files hold: two models of the same digest answer the same.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { ContainedFile } from './folder-contents.js';

const CHUNK_BYTES = 1024 * 1024;

/** SHA-256 over names and contents, as hex; where the files lie and when they were written does not matter. */
export async function contentDigest(files: readonly Pick<ContainedFile, 'name' | 'path' | 'bytes'>[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { name, path, bytes } of files) {
    hash.update(`${name}\0${bytes}\0`);
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}
