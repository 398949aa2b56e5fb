// A file piece by piece through one buffer: gigabytes pass without being allocated.
import { open } from 'node:fs/promises';

const BYTES = 1024 * 1024;

/** Each piece is gone once the next one is asked for. */
export async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  try {
    const buffer = Buffer.allocUnsafe(BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, BYTES, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
