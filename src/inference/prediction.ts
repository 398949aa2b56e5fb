// What a request asks of a model and what it gets, free of any protocol.
import type { CancellationSignal } from '../cancellation.js';
import type { CacheMode } from '../cache/cache.service.js';
import type { TierName } from '../cache/options.js';
import { joinOutputs } from './items.js';
import type { Model } from '../models/model.js';
import type { Timeline } from '../telemetry/timeline.js';
import type { Tensor } from '../tensor.js';

/** The circumstances of a call. */
export interface Call {
  /** Aborted when the client goes away. */
  readonly signal?: CancellationSignal | undefined;
  /** Point of `performance.now()` after which the answer is worthless. */
  readonly deadline?: number | undefined;
  /** RFC 9218: 0 is served first, 7 last. */
  readonly urgency?: number | undefined;
  /** Told when it passes which station. */
  readonly timeline?: Timeline | undefined;
  /** What it wants of the cache; by default to use it. */
  readonly cache?: CacheMode | undefined;
  /** Who asks, where that is known: it pays, and its answers are remembered for it alone unless the cache is shared. */
  readonly tenant?: string | undefined;
  /** Nobody else reads or writes the tensors that go in: their memory may move to the worker. */
  readonly ownsInput?: boolean | undefined;
}

/** What goes in: tensors for any model, texts and pictures for models that have a tokenizer or an image recipe. */
export type PredictionInput =
  | { readonly kind: 'tensors'; readonly tensors: readonly Tensor[] }
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  | { readonly kind: 'images'; readonly images: readonly Uint8Array[] };

/** Seconds that a call spent at the stations of its path. */
export interface Timings {
  /** Asking the cache, and waiting for equal requests. */
  readonly cache: number;
  readonly preprocess: number;
  readonly queue: number;
  readonly inference: number;
}

/** Where the answer came from. */
export interface CacheReport {
  /** `partial`: some of its inputs were known; `coalesced`: an equal request in flight was joined. */
  readonly result: 'hit' | 'miss' | 'partial' | 'coalesced';
  /** The farthest that knew something. */
  readonly tier: TierName | undefined;
  /** Rows that need not run when it is remembered whole. */
  readonly rows: number;
  readonly mode: CacheMode;
}

export class Prediction {
  constructor(
    readonly model: Model,
    /** The outputs of each part of the request, in order; parts of a text model differ in length. */
    readonly parts: readonly (readonly Tensor[])[],
    readonly timings: Timings,
    /** Undefined where nothing is remembered. */
    readonly cache?: CacheReport,
  ) {}

  /**
   * The outputs as one tensor each, in the order of the signature or as asked for.
   * @throws NestorError NOT_ACCEPTABLE when texts of several lengths make that impossible.
   */
  get outputs(): readonly Tensor[] {
    return joinOutputs(this.parts);
  }
}

export interface Embeddings {
  readonly model: Model;
  /** One vector an input, in order. */
  readonly vectors: readonly Float32Array[];
  /** Tokens that the inputs took, special tokens included. */
  readonly tokens: number;
  readonly timings: Timings;
  /** Undefined where nothing is remembered. */
  readonly cache?: CacheReport | undefined;
}

export interface TokenEmbeddings {
  readonly model: Model;
  /** `[1, tokens, d]` for each input, in order. */
  readonly texts: readonly Tensor[];
  readonly tokens: number;
  readonly timings: Timings;
}
