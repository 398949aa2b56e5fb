// Room for the inputs of requests that are being served: all together they have a limit, whatever each may hold.
import { usualInputsLimit } from '../config/memory.js';
import { NestorError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import type { EmbeddingInput } from './embedding.js';
import type { PredictionInput } from './prediction.js';

/** Requests come and go within a second, most of them. */
const RETRY_SECONDS = 1;

/** Inputs up to this size have an eighth of the room more: few large requests leave many small ones theirs. */
const SMALL_BYTES = 64 * 1024;
const WITH_SMALL = 1.125;

export class InputRoom {
  #bytes = 0;

  /** @param limit in bytes. */
  constructor(readonly limit = usualInputsLimit()) {}

  /** Bytes that are taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Room for what a request brings, until it has its answer and nobody works on it any more.
   * @throws NestorError PAYLOAD_TOO_LARGE, QUEUE_FULL
   */
  take(bytes: number): InputPlace {
    const place = new InputPlace(this);
    place.take(bytes);
    return place;
  }

  /** @param own bytes that the same request has already. @throws NestorError PAYLOAD_TOO_LARGE, QUEUE_FULL */
  add(bytes: number, own: number): void {
    if (own + bytes > this.limit) {
      const message = `The inputs of this request take ${own + bytes} bytes, pictures as tensors; the server has room for ${this.limit}. Send them in parts`;
      throw new NestorError('PAYLOAD_TOO_LARGE', message, { field: 'body' });
    }
    if (this.#bytes + bytes > (own + bytes <= SMALL_BYTES ? this.limit * WITH_SMALL : this.limit)) {
      const message = 'The inputs of other requests take all the room that the server has for them; try again later';
      throw new NestorError('QUEUE_FULL', message, { retryAfter: RETRY_SECONDS });
    }
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** What one request holds. */
export class InputPlace implements Disposable {
  #bytes = 0;
  /** The request, and work that it began and others may wait for. */
  #holders = 1;

  constructor(private readonly room: InputRoom) {}

  /** Takes more, for what is made of the inputs. @throws NestorError PAYLOAD_TOO_LARGE, QUEUE_FULL */
  take(bytes: number): void {
    if (this.#holders === 0) throw new Error('a place that was left; this is a bug');
    this.room.add(bytes, this.#bytes);
    this.#bytes += bytes;
  }

  /** For work that may outlive the request; it calls `leave` at its end. */
  hold(): void {
    this.#holders += 1;
  }

  /** With the last of those who hold it all room is given back. */
  leave(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.room.remove(this.#bytes);
  }

  [Symbol.dispose](): void {
    this.leave();
  }
}

/** Numbers by their bytes, texts by their characters. */
export function bytesOfInput(input: PredictionInput): number {
  if (input.kind === 'texts') return bytesOfTexts(input.texts);
  if (input.kind === 'images') return input.images.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return input.tensors.reduce((sum, { data }) => sum + bytesOfData(data), 0);
}

function bytesOfData(data: Tensor['data']): number {
  return Array.isArray(data) ? bytesOfTexts(data) : data.byteLength;
}

/** Of texts, and lists of ids, whose numbers take eight bytes each. */
export function bytesOfTexts(inputs: readonly EmbeddingInput[]): number {
  return inputs.reduce((sum, input) => sum + (typeof input === 'string' ? input.length : input.length * 8), 0);
}
