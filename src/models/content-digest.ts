// What the files of a model hold, in a few characters: two models of the same digest answer the same.
import { createHash, subtle } from 'node:crypto';
import { chunksOf } from './chunks.js';
import type { ContainedFile } from './folder-contents.js';

export interface Content {
  /** Of all files together. */
  readonly bytes: number;
  /** SHA-256 over names, lengths and the SHA-256 of each MiB, as hex; where the files lie and when they were written does not matter. */
  readonly digest: string;
}

/** Pieces that wait to be hashed, each in memory of its own. */
const AHEAD = 8;

/** Reads all files, once. Hashed piece by piece, on libuv's threads: on several cores, and the event loop goes on meanwhile. */
export async function contentOf(files: readonly Pick<ContainedFile, 'name' | 'path' | 'bytes'>[]): Promise<Content> {
  const hash = createHash('sha256');
  for (const { name, path, bytes } of files) {
    hash.update(`${name}\0${bytes}\0`);
    const digests: Promise<ArrayBuffer>[] = [];
    for await (const chunk of chunksOf(path)) {
      digests.push(subtle.digest('SHA-256', chunk));
      if (digests.length > AHEAD) hash.update(await next(digests));
    }
    while (digests.length > 0) hash.update(await next(digests));
  }
  return { bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), digest: hash.digest('hex') };
}

async function next(digests: Promise<ArrayBuffer>[]): Promise<Uint8Array> {
  return new Uint8Array((await digests.shift()) ?? new ArrayBuffer());
}

/**
 * Names what answers depend on, for the keys of caches: 22 characters, 128 bits of SHA-256.
 * @param manifest the keys of `model.yaml` that matter, as a text.
 */
export function contentScope({ digest }: Content, manifest: string): string {
  return createHash('sha256').update(digest).update(manifest).digest().subarray(0, 16).toString('base64url');
}
