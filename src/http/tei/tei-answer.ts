// Vectors -> the bare arrays of text-embeddings-inference, with its headers about the work that they were.
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Timings } from '../../inference/prediction.js';
import type { Model } from '../../models/model.js';
import type { Exchange } from '../exchange.js';

export interface Computed {
  /** The answer as JSON, in pieces of about a millisecond of work. */
  readonly json: Iterable<string>;
  /** How many vectors that is. */
  readonly vectors: number;
  readonly model: Model;
  readonly characters: number;
  readonly tokens: number;
  readonly timings: Timings;
}

const VECTORS_A_PIECE = 16;

/** Puts them on the reply, and notes for Server-Timing where the time went. */
export function deliverComputed({ request, reply }: Exchange, computed: Computed): string | Readable {
  request.timings = computed.timings;
  void reply.headers({ 'Content-Type': 'application/json; charset=utf-8', ...headersOf(computed, reply.elapsedTime) });
  if (computed.vectors <= VECTORS_A_PIECE) return [...computed.json].join('');
  return Readable.from(spaced(computed.json), { objectMode: false });
}

/** `[[...], ...]` */
export function* vectorsJson(vectors: readonly ArrayLike<number>[]): Generator<string> {
  for (let from = 0; from < vectors.length; from += VECTORS_A_PIECE) {
    const some = vectors.slice(from, from + VECTORS_A_PIECE).map((vector) => JSON.stringify(Array.from(vector)));
    yield `${from === 0 ? '[' : ','}${some.join()}${from + VECTORS_A_PIECE < vectors.length ? '' : ']'}`;
  }
}

/** `[[[...], ...], ...]` */
export function* listsJson(lists: readonly (readonly ArrayLike<number>[])[]): Generator<string> {
  for (const [index, vectors] of lists.entries()) {
    yield index === 0 ? '[' : ',';
    yield* vectorsJson(vectors);
  }
  yield ']';
}

/** The event loop is free between two pieces. */
async function* spaced(pieces: Iterable<string>): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    yield Buffer.from(piece);
    await setImmediate();
  }
}

/** Whole milliseconds, as https://github.com/huggingface/text-embeddings-inference/blob/main/router/src/lib.rs has them. */
function headersOf({ model, characters, tokens, timings }: Computed, totalMs: number): Record<string, string> {
  const total = String(Math.round(totalMs));
  const ms = (seconds: number): string => String(Math.round(seconds * 1000));
  return {
    'x-compute-type': model.provider === 'cpu' ? 'cpu+optimized' : 'gpu+optimized',
    'x-compute-time': total,
    'x-compute-characters': String(characters),
    'x-compute-tokens': String(tokens),
    'x-total-time': total,
    'x-tokenization-time': ms(timings.preprocess),
    'x-queue-time': ms(timings.queue),
    'x-inference-time': ms(timings.inference),
  };
}
