// A folder that says of itself what it holds, so that one that was cut or damaged is not taken for whole.
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { chunksOf } from './chunks.js';
import { readIfThere } from './read-if-there.js';

const SEAL = 'seal.json';

interface Sealed {
  readonly bytes: number;
  /** CRC-32: against accidents, not against people, at gigabytes a second. */
  readonly crc: number;
}

/** Notes length and checksum of these files of a folder; those that are not there are left out. */
export async function seal(folder: string, names: readonly string[]): Promise<void> {
  const entries: Record<string, Sealed> = {};
  for (const name of names) {
    const { size: bytes } = (await stat(join(folder, name)).catch(() => undefined)) ?? {};
    if (bytes !== undefined) entries[name] = { bytes, crc: await checksum(join(folder, name)) };
  }
  await writeFile(join(folder, SEAL), JSON.stringify(entries));
}

/**
 * Whether the folder holds what was noted; false where nothing was, or it cannot be read.
 * @param unread of these files the length alone is looked at.
 */
export async function isIntact(folder: string, unread: readonly string[] = []): Promise<boolean> {
  try {
    const entries = Object.entries(JSON.parse((await readIfThere(join(folder, SEAL))) ?? '{}') as Record<string, Sealed>);
    for (const [name, { bytes, crc }] of entries) {
      const path = join(folder, name);
      if ((await stat(path)).size !== bytes) return false;
      if (!unread.includes(name) && (await checksum(path)) !== crc) return false;
    }
    return entries.length > 0;
  } catch {
    return false;
  }
}

async function checksum(path: string): Promise<number> {
  let crc = 0;
  for await (const chunk of chunksOf(path)) crc = crc32(chunk, crc);
  return crc;
}
