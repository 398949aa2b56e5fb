// What a format can do: the bytes of a request into what `inference/` takes, and its answer into bytes.
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { PromptChoice } from '../../features/prompts.js';
import type { EmbeddingInput } from '../../inference/embedding.js';
import type { Embeddings, Prediction, PredictionInput } from '../../inference/prediction.js';
import type { Model } from '../../models/model.js';

/** The body of a request, decompressed, with what else may say how to read it. */
export interface Incoming {
  readonly bytes: Buffer;
  readonly headers: IncomingHttpHeaders;
}

export interface PredictionQuery {
  readonly input: PredictionInput;
  /** Names of the outputs to compute; all, or those of the route's query, when undefined. */
  readonly outputs?: readonly string[] | undefined;
  /** Whether the client counts in instances: then it wants classes where there are classes. */
  readonly byInstance: boolean;
  /** Comes back with the answer. */
  readonly id?: string | undefined;
}

export interface EmbeddingsQuery {
  readonly model: string;
  readonly inputs: readonly EmbeddingInput[];
  readonly format: 'float' | 'base64';
  readonly dimensions: number | undefined;
  readonly prompt: PromptChoice;
}

/** The body of an answer with its headers; the values of headers are known to be safe. */
export interface Encoded {
  /** A list goes out piece after piece: the bytes of a tensor are not copied behind their head. */
  readonly body: Uint8Array | readonly Uint8Array[] | string | Readable;
  /** Content-Type, where it says more than the media type. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One format. A method that is missing is a direction that the format does not have. */
export interface Codec {
  /** Media types by which it is asked for; the first is the one it answers with. */
  readonly mediaTypes: readonly [string, ...string[]];
  /** Structured syntax suffix (RFC 6839) that means this format too: `+json`. */
  readonly suffix?: string;
  /** An answer holds one tensor and no names. */
  readonly singleOutput?: boolean;
  /** @throws NestorError INVALID_REQUEST that names the field. */
  readonly decodePrediction?: (incoming: Incoming, model: Model) => PredictionQuery | Promise<PredictionQuery>;
  /** @throws NestorError NOT_ACCEPTABLE for values that the format cannot carry. */
  readonly encodePrediction?: (prediction: Prediction, query: PredictionQuery) => Encoded;
  /** @throws NestorError INVALID_REQUEST that names the field. */
  readonly decodeEmbeddings?: (incoming: Incoming) => EmbeddingsQuery | Promise<EmbeddingsQuery>;
  readonly encodeEmbeddings?: (embeddings: Embeddings, query: EmbeddingsQuery) => Encoded;
}
