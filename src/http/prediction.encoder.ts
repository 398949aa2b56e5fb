// A prediction -> the body of the answer in the format that was chosen, and its times for Server-Timing.
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import type { Prediction } from '../inference/prediction.js';
import { deliver, note, type Delivered } from './exchange.js';
import type { PredictRequest } from './predict.pipe.js';

export interface Predicted {
  readonly request: PredictRequest;
  readonly prediction: Prediction;
}

@Injectable()
export class PredictionEncoder implements NestInterceptor<Predicted, Delivered> {
  intercept(context: ExecutionContext, next: CallHandler<Predicted>): Observable<Delivered> {
    const http = context.switchToHttp();
    return next.handle().pipe(
      map(({ request, prediction }) => {
        const reply = http.getResponse<FastifyReply>();
        note({ request: http.getRequest<FastifyRequest>(), reply }, prediction);
        const { encoder } = request;
        return deliver(reply, encoder.encodePrediction(prediction, request), encoder.mediaTypes[0]);
      }),
    );
  }
}
