// Embeddings -> the body of the answer in the format that was chosen.
import { Injectable } from '@nestjs/common';
import type { Embeddings } from '../inference/prediction.js';
import { AnswersInterceptor, type Encoding } from './answers.interceptor.js';
import type { EmbeddingsRequest } from './embeddings.pipe.js';

export interface Embedded {
  readonly request: EmbeddingsRequest;
  readonly embeddings: Embeddings;
}

@Injectable()
export class EmbeddingsEncoder extends AnswersInterceptor<Embedded> {
  protected encode({ request, embeddings }: Embedded): Encoding {
    const { encoder } = request;
    return { ...encoder.encodeEmbeddings(embeddings, request), by: embeddings, mediaType: encoder.mediaTypes[0] };
  }
}
