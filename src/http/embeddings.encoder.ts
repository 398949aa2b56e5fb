// Embeddings -> OpenAI's JSON; thousands of them piece by piece, so that the event loop stays free.
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { Injectable, StreamableFile, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import type { Embeddings } from '../inference/prediction.js';
import type { EmbeddingsRequest } from './embeddings.pipe.js';

/** Vectors that are written in one turn of the event loop: about a millisecond of work. */
const VECTORS_A_TURN = 16;

export interface Embedded {
  readonly request: EmbeddingsRequest;
  readonly embeddings: Embeddings;
}

@Injectable()
export class EmbeddingsEncoder implements NestInterceptor<Embedded, object> {
  intercept(context: ExecutionContext, next: CallHandler<Embedded>): Observable<object> {
    const http = context.switchToHttp().getRequest<FastifyRequest>();
    return next.handle().pipe(
      map((embedded) => {
        http.timings = embedded.embeddings.timings;
        if (embedded.embeddings.vectors.length <= VECTORS_A_TURN) return list(embedded, 0, VECTORS_A_TURN);
        return new StreamableFile(Readable.from(pieces(embedded), { objectMode: false }), { type: 'application/json; charset=utf-8' });
      }),
    );
  }
}

function list({ request, embeddings }: Embedded, from: number, to: number) {
  const data = embeddings.vectors.slice(from, to).map((vector, index) => ({
    object: 'embedding',
    index: from + index,
    embedding: request.format === 'base64' ? base64(vector) : Array.from(vector),
  }));
  const usage = { prompt_tokens: embeddings.tokens, total_tokens: embeddings.tokens };
  return { object: 'list', data, model: embeddings.model.name, usage };
}

async function* pieces(embedded: Embedded): AsyncGenerator<Buffer> {
  const { vectors } = embedded.embeddings;
  for (let from = 0; from < vectors.length; from += VECTORS_A_TURN) {
    const { object, data, ...tail } = list(embedded, from, from + VECTORS_A_TURN);
    const start = from === 0 ? `{"object":${JSON.stringify(object)},"data":[` : ',';
    const end = from + VECTORS_A_TURN < vectors.length ? '' : `],${JSON.stringify(tail).slice(1)}`;
    yield Buffer.from(start + JSON.stringify(data).slice(1, -1) + end);
    await setImmediate();
  }
}

/** Little-endian float32, which every machine that Node runs on has in memory. */
function base64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}
