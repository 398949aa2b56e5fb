// Vectors -> the bare arrays of text-embeddings-inference, with its headers about the work that they were.
import type { Readable } from 'node:stream';
import type { Timings } from '../../inference/prediction.js';
import type { Model } from '../../models/model.js';
import { jsonBody, type Numbers, type Part } from '../codecs/json-body.js';
import type { Exchange } from '../exchange.js';

export interface Computed {
  /** The answer as JSON. */
  readonly json: Iterable<Part>;
  readonly model: Model;
  readonly characters: number;
  readonly tokens: number;
  readonly timings: Timings;
}

/** Puts them on the reply, and notes for Server-Timing where the time went. */
export function deliverComputed({ request, reply }: Exchange, computed: Computed): string | Readable {
  request.timings = computed.timings;
  void reply.headers({ 'Content-Type': 'application/json; charset=utf-8', ...headersOf(computed, reply.elapsedTime) });
  return jsonBody(computed.json);
}

/** `[..., ...]` */
export function* listJson(items: readonly Numbers[]): Generator<Part> {
  for (const [index, item] of items.entries()) {
    yield index === 0 ? '[' : ',';
    yield item;
  }
  yield ']';
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
