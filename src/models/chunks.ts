// A file piece by piece through two buffers: gigabytes pass without being allocated, and the next piece is read while one is looked at.
import { open, type FileHandle } from 'node:fs/promises';

const BYTES = 1024 * 1024;

/** Pieces of 1 MiB, the last one shorter; each is gone once the next one is asked for. */
export async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  try {
    const buffers = [Buffer.allocUnsafe(BYTES), Buffer.allocUnsafe(BYTES)];
    const read = (piece: number): Promise<Uint8Array> => {
      const reading = whole(file, buffers[piece % 2] ?? Buffer.alloc(0));
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

/** Some file systems give less than they are asked for. */
async function whole(file: FileHandle, buffer: Buffer): Promise<Uint8Array> {
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
