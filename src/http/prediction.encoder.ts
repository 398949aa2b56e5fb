// A prediction -> the body of the answer, and its times for Server-Timing.
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import { classify, scoresOutput } from '../inference/classification.js';
import type { Prediction } from '../inference/prediction.js';
import { elementCount, view, type Tensor } from '../tensor.js';
import { nest, tensorToJson, valuesToJson } from './codecs/json-tensors.js';
import type { PredictRequest } from './predict.pipe.js';

export interface Predicted {
  readonly request: PredictRequest;
  readonly prediction: Prediction;
}

@Injectable()
export class PredictionEncoder implements NestInterceptor<Predicted, object> {
  intercept(context: ExecutionContext, next: CallHandler<Predicted>): Observable<object> {
    const http = context.switchToHttp().getRequest<FastifyRequest>();
    return next.handle().pipe(
      map(({ request, prediction }) => {
        http.timings = prediction.timings;
        const { name, version } = prediction.model;
        const answer = request.byInstance ? { predictions: predictionsOf(prediction) } : { outputs: outputsOf(prediction) };
        return { ...(request.id !== undefined && { id: request.id }), model: name, version, ...answer };
      }),
    );
  }
}

function outputsOf({ outputs }: Prediction): Record<string, object> {
  return Object.fromEntries(outputs.map((output) => [output.name, tensorToJson(output)]));
}

/** One entry a row: a class where the model has classes, the values of an only output, else the values of all by name. */
function predictionsOf({ model, parts }: Prediction): unknown[] {
  const scores = scoresOutput(model);
  return parts.flatMap((outputs) => {
    const [only] = outputs;
    if (only && outputs.length === 1) return only.name === scores?.name ? classify(model, only) : rowsOf(only);
    const columns = outputs.map((output) => [output.name, rowsOf(output)] as const);
    return (columns[0]?.[1] ?? []).map((_, row) => Object.fromEntries(columns.map(([name, rows]) => [name, rows[row]])));
  });
}

function rowsOf({ name, datatype, shape, data }: Tensor): unknown[] {
  const [count = 0, ...rest] = shape;
  const width = elementCount(rest);
  return Array.from({ length: count }, (_, row) => nest(valuesToJson(view(data, row * width, (row + 1) * width), name, datatype), rest));
}
