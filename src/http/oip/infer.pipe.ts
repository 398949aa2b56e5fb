// An infer request: bytes and headers, whatever their Content-Type -> what `inference/` understands.
import { Injectable, type PipeTransform } from '@nestjs/common';
import { InferenceService } from '../../inference/inference.service.js';
import type { Call, Prediction, PredictionInput } from '../../inference/prediction.js';
import type { ModelRef } from '../../models/model-manager.js';
import { callOf, deadlineOf } from '../call.js';
import { bytesOfBody, deliver, ExchangeParam, untilClosed, type Delivered, type Exchange } from '../exchange.js';
import { HEADER_LENGTH } from './infer-body.js';
import { encodeInferred } from './infer-answer.js';
import { readInfer, type InferQuery } from './infer-request.js';
import { callOfParameters } from '../../oip/parameters.js';
import { releaseBlock } from '../../oip/block.js';

export interface InferRequest {
  readonly ref: ModelRef;
  readonly input: PredictionInput;
  readonly outputs: InferQuery['outputs'];
  readonly call: Call;
  /** Puts the answer on its way. */
  readonly answer: (prediction: Prediction) => Delivered;
}

@Injectable()
export class InferPipe implements PipeTransform<Exchange, Promise<InferRequest>> {
  constructor(private readonly inference: InferenceService) {}

  async transform(exchange: Exchange): Promise<InferRequest> {
    const { request, reply } = exchange;
    const { model: name = '', version } = request.params as { model?: string; version?: string };
    const bytes = bytesOfBody(request);
    const { model, release } = await this.inference.lease({ name, version }, bytes.byteLength, deadlineOf(request, reply));
    untilClosed(reply, release);
    const query = await readInfer(bytes, request.headers[HEADER_LENGTH.toLowerCase()], model);
    releaseBlock(bytes, query.tensors);
    const call = callOfParameters(query.parameters, callOf(request, reply));
    const answer = (prediction: Prediction): Delivered =>
      deliver(exchange, prediction, encodeInferred(query, prediction), 'application/json');
    return { ref: { name, model }, input: { kind: 'tensors', tensors: query.tensors }, outputs: query.outputs, call, answer };
  }
}

export const Infer = (): ParameterDecorator => ExchangeParam(InferPipe);
