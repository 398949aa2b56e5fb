// The body of a request into one block of memory, decompressed, never more of it than the limit.
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { noRoom, type BodyRoom, type Place } from '../access/body-room.js';
import { invalid, NestorError, reasonOf } from '../errors.js';
import { takeBlock } from '../oip/block.js';
import { codingName, CODINGS, isCoding, type CodingName } from './content-encoding.js';
import { goAhead } from './shell/expectation.js';

/** Bodies that say they are so small come with their head, or next to it: what they take is bounded by the number of connections. */
const UNCOUNTED_BYTES = 64 * 1024;

/**
 * @param limit bytes of the body, as sent and decompressed.
 * @param room that it shares with all others.
 * @throws NestorError PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE for an unknown Content-Encoding, INVALID_REQUEST for one that does not hold,
 *   QUEUE_FULL where there is no room for it, CANCELLED where the connection ends before the body.
 */
export async function readBody(payload: Readable, headers: IncomingHttpHeaders, limit: number, room: BodyRoom): Promise<Buffer> {
  const coding = codingOf(headers['content-encoding']);
  const length = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  if (length !== undefined && length > limit) throw tooLarge(limit);
  const counted = coding !== undefined || length === undefined || length > UNCOUNTED_BYTES;
  if (counted && !room.has(length ?? UNCOUNTED_BYTES)) throw noRoom();
  if (headers.expect !== undefined) goAhead(payload);
  const place = counted ? room.place() : undefined;
  try {
    if (coding) return await decompressed(payload, coding, limit, place);
    return await (length === undefined ? gathered(payload, limit, place) : filled(payload, length, place));
  } catch (thrown) {
    throw isHangUp(thrown) ? new NestorError('CANCELLED', 'The client went away before its body had come') : thrown;
  } finally {
    place?.leave();
  }
}

const NOTHING = Buffer.alloc(0);
/** Below it pieces are copied together. */
const SMALL_BYTES = 4 * 1024;
const BLOCK_BYTES = 64 * 1024;

/**
 * Copies each piece to its place as it comes: at the end there is nothing left to join. Most bodies are one piece, which is taken as it is.
 * By events: an asynchronous iterator took 3 % of the event loop that a small request takes.
 */
function filled(payload: Readable, length: number, place: Place | undefined): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let body: Buffer | undefined;
  let offset = 0;
  const receive = (chunk: Buffer): void => {
    if (place?.take(chunk.length) === false) {
      payload.off('data', receive);
      body = undefined;
      reject(noRoom());
      return;
    }
    if (offset + chunk.length > length) {
      reject(invalid('Content-Length', 'The body is longer than its Content-Length'));
    } else if (chunk.length === length && ownsMemory(chunk)) {
      body = chunk;
      offset = length;
    } else {
      // Not before something came.
      body ??= takeBlock(length);
      offset += moveInto(body, chunk, offset);
    }
  };
  payload.on('data', receive);
  payload.on('end', () => {
    if (offset < length) reject(invalid('Content-Length', 'The body is shorter than its Content-Length'));
    else resolve(body ?? Buffer.alloc(0));
  });
  payload.on('error', reject);
  return promise;
}

async function gathered(payload: Readable, limit: number, place: Place | undefined): Promise<Buffer> {
  const pieces = new Pieces();
  for await (const chunk of piecesOf(payload)) {
    if (pieces.length + chunk.length > limit) throw tooLarge(limit);
    if (place?.take(chunk.length) === false) throw noRoom();
    pieces.add(chunk);
  }
  return pieces.joined();
}

/** Pieces of a body of unknown length. Small ones share a block: as an object of its own, a chunk of one byte takes a hundred times as much. */
class Pieces {
  #length = 0;
  readonly #blocks: Buffer[] = [];
  /** What is free of the last block. */
  #free = NOTHING;

  get length(): number {
    return this.#length;
  }

  add(chunk: Buffer): void {
    this.#length += chunk.length;
    if (chunk.length >= SMALL_BYTES) {
      this.#endBlock();
      this.#blocks.push(chunk);
      return;
    }
    if (this.#free.length < chunk.length) {
      this.#endBlock();
      this.#free = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.#blocks.push(this.#free);
    }
    this.#free = this.#free.subarray(moveInto(this.#free, chunk, 0));
  }

  joined(): Buffer {
    this.#endBlock();
    const body = takeBlock(this.#length);
    let offset = 0;
    for (const block of this.#blocks) offset += moveInto(body, block, offset);
    return body;
  }

  /** Cuts what is free off the last block. */
  #endBlock(): void {
    if (this.#free.length === 0) return;
    const last = this.#blocks.pop() ?? NOTHING;
    this.#blocks.push(last.subarray(0, last.length - this.#free.length));
    this.#free = NOTHING;
  }
}

/**
 * Copies a piece to its place and gives its memory back at once. Left to the collector, every 64 MiB of such pieces cost a collection of
 * the whole heap (20 ms): 1x3x224x224 floats at 4 clients, 808 requests a second with them; 1,507
 * without them, without the copy that batching/layout.ts spares and without what runtime/worker.ts gives back.
 */
function moveInto(body: Buffer, chunk: Buffer, offset: number): number {
  const bytes = chunk.copy(body, offset);
  if (ownsMemory(chunk)) (chunk.buffer as ArrayBuffer).transfer(0);
  return bytes;
}

/** Whether nothing else lies in its memory. */
function ownsMemory({ buffer, byteLength }: Buffer): boolean {
  return buffer.byteLength === byteLength;
}

async function decompressed(payload: Readable, coding: CodingName, limit: number, place: Place | undefined): Promise<Buffer> {
  const stream = CODINGS[coding].decompressor();
  payload.once('error', (error) => stream.destroy(error));
  payload.pipe(stream);
  try {
    return await gathered(stream, limit, place);
  } catch (thrown) {
    payload.unpipe(stream).resume();
    stream.destroy();
    throw thrown instanceof NestorError || isHangUp(thrown)
      ? thrown
      : invalid('body', `The body is not ${coding}: ${reasonOf(thrown).slice(0, 120)}`);
  }
}

/** Without closing the connection where reading stops early: the refusal goes out on it. */
function piecesOf(stream: Readable): AsyncIterable<Buffer> {
  return stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

/** Node's error for a request that ended with its connection. */
function isHangUp(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException | null)?.code === 'ECONNRESET';
}

function codingOf(contentEncoding = ''): CodingName | undefined {
  const name = codingName(contentEncoding);
  if (name === '' || name === 'identity') return undefined;
  if (isCoding(name)) return name;
  const message = `The encoding ${JSON.stringify(name.slice(0, 64))} is not supported; send ${Object.keys(CODINGS).join(', ')}, one of them`;
  throw new NestorError('UNSUPPORTED_MEDIA_TYPE', message, { field: 'Content-Encoding' });
}

function tooLarge(limit: number): NestorError {
  return new NestorError('PAYLOAD_TOO_LARGE', `Request body is too large: it may have ${limit} bytes, decompressed`, { field: 'body' });
}
