// A file piece by piece through two buffers: gigabytes pass without being allocated, and the next piece is read while one is looked at.
import { open } from 'node:fs/promises';

const BYTES = 1024 * 1024;

/** Each piece is gone once the next one is asked for. */
export async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  try {
    const buffers = [Buffer.allocUnsafe(BYTES), Buffer.allocUnsafe(BYTES)];
    const read = (piece: number): Promise<Uint8Array> => {
      const reading = file
        .read(buffers[piece % 2] ?? Buffer.alloc(0), 0, BYTES, null)
        .then(({ buffer, bytesRead }) => buffer.subarray(0, bytesRead));
      // Whoever asks for it is told; whoever has stopped asking need not be.
      reading.catch(() => undefined);
      return reading;
    };
    let next = read(0);
    for (let piece = 1; ; piece++) {
      const chunk = await next;
      if (chunk.length === 0) return;
      next = read(piece);
      yield chunk;
    }
  } finally {
    await file.close();
  }
}
