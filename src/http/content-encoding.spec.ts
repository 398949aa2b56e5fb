// A body of zstd may not name a window of any size: the decoder keeps it beside what is counted.
import { expect, it } from '@jest/globals';
import { text } from 'node:stream/consumers';
import { CODINGS } from './content-encoding.js';

/** A frame that names its window and has one block, of one byte: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1 */
function decompressed(windowLog: number): Promise<string> {
  const stream = CODINGS.zstd.decompressor();
  stream.end(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3, (1 << 3) | 1, 0, 0, 0x61]));
  return text(stream);
}

it('a window of zstd may have 8 MiB, as RFC 9659 has it', async () => {
  expect(await decompressed(23)).toBe('a');
  await expect(decompressed(24)).rejects.toThrow('too much memory');
});
