// Embeddings -> the body of the answer in the format that was chosen, and their times for Server-Timing.
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import type { Embeddings } from '../inference/prediction.js';
import type { Encoded } from './codecs/codec.js';
import type { EmbeddingsRequest } from './embeddings.pipe.js';
import { deliver, MODEL_VERSION } from './exchange.js';

export interface Embedded {
  readonly request: EmbeddingsRequest;
  readonly embeddings: Embeddings;
}

@Injectable()
export class EmbeddingsEncoder implements NestInterceptor<Embedded, Encoded['body']> {
  intercept(context: ExecutionContext, next: CallHandler<Embedded>): Observable<Encoded['body']> {
    const http = context.switchToHttp();
    return next.handle().pipe(
      map(({ request, embeddings }) => {
        http.getRequest<FastifyRequest>().timings = embeddings.timings;
        const { encoder } = request;
        const reply = http.getResponse<FastifyReply>().header(MODEL_VERSION, embeddings.model.version);
        return deliver(reply, encoder.encodeEmbeddings(embeddings, request), encoder.mediaTypes[0]);
      }),
    );
  }
}
