// Embeddings -> the body of the answer in the format that was chosen, and their times for Server-Timing.
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import type { Embeddings } from '../inference/prediction.js';
import type { EmbeddingsRequest } from './embeddings.pipe.js';
import { deliver, note, type Delivered } from './exchange.js';

export interface Embedded {
  readonly request: EmbeddingsRequest;
  readonly embeddings: Embeddings;
}

@Injectable()
export class EmbeddingsEncoder implements NestInterceptor<Embedded, Delivered> {
  intercept(context: ExecutionContext, next: CallHandler<Embedded>): Observable<Delivered> {
    const http = context.switchToHttp();
    return next.handle().pipe(
      map(({ request, embeddings }) => {
        const reply = http.getResponse<FastifyReply>();
        note({ request: http.getRequest<FastifyRequest>(), reply }, embeddings);
        const { encoder } = request;
        return deliver(reply, encoder.encodeEmbeddings(embeddings, request), encoder.mediaTypes[0]);
      }),
    );
  }
}
