// An embeddings request: bytes and headers -> what `inference/` understands, and the format of the answer.
import { Injectable, type PipeTransform } from '@nestjs/common';
import type { Call } from '../inference/prediction.js';
import type { ModelRef } from '../models/model-manager.js';
import { requireOwn } from './access.js';
import { callOf } from './call.js';
import type { EmbeddingsQuery } from './codecs/codec.js';
import { decoderFor, encodersFor, type Encoder } from './codecs/registry.js';
import { bytesOfBody, ExchangeParam, type Exchange } from './exchange.js';

export interface EmbeddingsRequest extends EmbeddingsQuery {
  readonly ref: ModelRef;
  readonly call: Call;
  readonly encoder: Encoder<'Embeddings'>;
}

@Injectable()
export class EmbeddingsPipe implements PipeTransform<Exchange, Promise<EmbeddingsRequest>> {
  async transform({ request, reply }: Exchange): Promise<EmbeddingsRequest> {
    const { headers } = request;
    const decoder = decoderFor('Embeddings', headers['content-type']);
    // Every format carries one tensor at least, which is what embeddings are: the dearest serves.
    const [encoder] = encodersFor('Embeddings', headers.accept, decoder);
    if (!encoder) throw new Error('no encoder and no refusal; this is a bug');
    const query = await decoder.decodeEmbeddings({ bytes: bytesOfBody(request), headers });
    requireOwn(request, query.model);
    return { ...query, ref: { name: query.model }, call: callOf(request, reply), encoder };
  }
}

export const EmbeddingsParam = (): ParameterDecorator => ExchangeParam(EmbeddingsPipe);
