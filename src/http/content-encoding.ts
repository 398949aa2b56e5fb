// Content-Encoding: the compressions that bodies may have in either direction.
import type { Transform } from 'node:stream';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

interface Coding {
  readonly decompressor: () => Transform;
  readonly compressor: () => Transform;
  /** Off the event loop, on libuv's threads. */
  readonly compress: (body: Uint8Array) => Promise<Buffer>;
}

/** Output is looked at in pieces of this size: a bomb is noticed after one of them. */
const CHUNK = { chunkSize: 64 * 1024 };
/** The decoder keeps a window beside what is counted of a body, of 128 MiB if it may; content codings have 8 MiB at most (RFC 9659). */
const WINDOW = { params: { [zlib.constants.ZSTD_d_windowLogMax]: 23 } };
// Answers are made once and sent once: the levels that cost little.
const GZIP = { level: 1 };
const BROTLI = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } };
const ZSTD = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } };

const gzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gzip);
const deflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflate);
const brotli = promisify<Uint8Array, zlib.BrotliOptions, Buffer>(zlib.brotliCompress);
const zstd = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdCompress);

/** By name, in the order in which answers prefer them: the least work for the bytes that it saves first. */
export const CODINGS = {
  zstd: {
    decompressor: () => zlib.createZstdDecompress({ ...CHUNK, ...WINDOW }),
    compressor: () => zlib.createZstdCompress(ZSTD),
    compress: (body) => zstd(body, ZSTD),
  },
  gzip: {
    decompressor: () => zlib.createGunzip(CHUNK),
    compressor: () => zlib.createGzip(GZIP),
    compress: (body) => gzip(body, GZIP),
  },
  br: {
    decompressor: () => zlib.createBrotliDecompress(CHUNK),
    compressor: () => zlib.createBrotliCompress(BROTLI),
    compress: (body) => brotli(body, BROTLI),
  },
  // With zlib's wrapper, as RFC 9110 has it.
  deflate: {
    decompressor: () => zlib.createInflate(CHUNK),
    compressor: () => zlib.createDeflate(GZIP),
    compress: (body) => deflate(body, GZIP),
  },
} as const satisfies Record<string, Coding>;

export type CodingName = keyof typeof CODINGS;

/** As codings are compared; `x-gzip` is gzip too (RFC 9110, section 8.4.1.3). */
export function codingName(text: string): string {
  const name = text.trim().toLowerCase();
  return name === 'x-gzip' ? 'gzip' : name;
}

export function isCoding(name: string): name is CodingName {
  return Object.hasOwn(CODINGS, name);
}
