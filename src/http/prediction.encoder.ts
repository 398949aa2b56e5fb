// A prediction -> the body of the answer in the format that was chosen, and its times for Server-Timing.
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import type { Prediction } from '../inference/prediction.js';
import type { Encoded } from './codecs/codec.js';
import { deliver, MODEL_VERSION } from './exchange.js';
import type { PredictRequest } from './predict.pipe.js';

export interface Predicted {
  readonly request: PredictRequest;
  readonly prediction: Prediction;
}

@Injectable()
export class PredictionEncoder implements NestInterceptor<Predicted, Encoded['body']> {
  intercept(context: ExecutionContext, next: CallHandler<Predicted>): Observable<Encoded['body']> {
    const http = context.switchToHttp();
    return next.handle().pipe(
      map(({ request, prediction }) => {
        http.getRequest<FastifyRequest>().timings = prediction.timings;
        const { encoder } = request;
        const reply = http.getResponse<FastifyReply>().header(MODEL_VERSION, prediction.model.version);
        return deliver(reply, encoder.encodePrediction(prediction, request), encoder.mediaTypes[0]);
      }),
    );
  }
}
