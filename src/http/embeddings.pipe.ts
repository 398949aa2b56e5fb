// An embeddings request: bytes and headers -> what `inference/` understands, and the format of the answer.
import { Injectable, type PipeTransform } from '@nestjs/common';
import type { EmbeddingInput, EmbedOptions } from '../inference/embedding.js';
import type { Call, Embeddings } from '../inference/prediction.js';
import type { ModelRef } from '../models/model-manager.js';
import { requireOwn } from './access.js';
import { callOf } from './call.js';
import { decoderFor, encodersFor } from './codecs/registry.js';
import { bytesOfBody, deliver, ExchangeParam, type Delivered, type Exchange } from './exchange.js';

export interface EmbeddingsRequest {
  readonly ref: ModelRef;
  readonly inputs: readonly EmbeddingInput[];
  readonly options: EmbedOptions;
  readonly call: Call;
  /** Puts the answer on its way, in the format that was chosen. */
  readonly answer: (embeddings: Embeddings) => Delivered;
}

@Injectable()
export class EmbeddingsPipe implements PipeTransform<Exchange, Promise<EmbeddingsRequest>> {
  async transform(exchange: Exchange): Promise<EmbeddingsRequest> {
    const { request, reply } = exchange;
    const { headers } = request;
    const decoder = decoderFor('Embeddings', headers['content-type']);
    // Every format carries one tensor at least, which is what embeddings are: the dearest serves.
    const [encoder] = encodersFor('Embeddings', headers.accept, decoder);
    if (!encoder) throw new Error('no encoder and no refusal; this is a bug');
    const query = await decoder.decodeEmbeddings({ bytes: bytesOfBody(request), headers });
    requireOwn(request, query.model);
    const answer = (embeddings: Embeddings): Delivered =>
      deliver(exchange, embeddings, encoder.encodeEmbeddings(embeddings, query), encoder.mediaTypes[0]);
    return { ref: { name: query.model }, inputs: query.inputs, options: query, call: callOf(request, reply), answer };
  }
}

export const EmbeddingsParam = (): ParameterDecorator => ExchangeParam(EmbeddingsPipe);
