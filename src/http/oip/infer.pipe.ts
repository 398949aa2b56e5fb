// An infer request: bytes and headers, whatever their Content-Type -> what `inference/` understands.
import { Injectable, type PipeTransform } from '@nestjs/common';
import type { Call, PredictionInput } from '../../inference/prediction.js';
import { ModelManager, type ModelRef } from '../../models/model-manager.js';
import { callOf } from '../call.js';
import { bytesOfBody, ExchangeParam, releaseBody, untilClosed, type Exchange } from '../exchange.js';
import { HEADER_LENGTH } from './infer-body.js';
import { readInfer, type InferQuery } from './infer-request.js';
import { callOfParameters } from '../../oip/parameters.js';

export interface InferRequest extends InferQuery {
  readonly ref: ModelRef;
  readonly input: PredictionInput;
  readonly call: Call;
}

@Injectable()
export class InferPipe implements PipeTransform<Exchange, Promise<InferRequest>> {
  constructor(private readonly models: ModelManager) {}

  async transform({ request, reply }: Exchange): Promise<InferRequest> {
    const { model: name = '', version } = request.params as { model?: string; version?: string };
    const { model, release } = await this.models.use({ name, version });
    untilClosed(reply, release);
    const bytes = bytesOfBody(request);
    const query = await readInfer(bytes, request.headers[HEADER_LENGTH.toLowerCase()], model);
    releaseBody(bytes, query.tensors);
    const call = callOfParameters(query.parameters, callOf(request, reply));
    return { ...query, ref: { name, model }, input: { kind: 'tensors', tensors: query.tensors }, call };
  }
}

export const Infer = (): ParameterDecorator => ExchangeParam(InferPipe);
