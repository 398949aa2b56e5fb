// A call of ModelInfer -> what `inference/` understands.
import { createParamDecorator, Injectable, type ExecutionContext, type PipeTransform } from '@nestjs/common';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { Call, ModelRef, PredictionInput } from '../inference/prediction.js';
import { ModelRegistry } from '../models/model-registry.js';
import { callOfParameters } from '../oip/parameters.js';
import { callOf } from './call.js';
import { readInfer, type InferQuery } from './infer-request.js';
import { ModelInferRequestSchema } from './inference_pb.js';
import { parse } from './message.js';

export interface InferRequest extends InferQuery {
  readonly ref: ModelRef;
  readonly input: PredictionInput;
  readonly call: Call;
}

type UnaryCall = ServerUnaryCall<Uint8Array, unknown>;

@Injectable()
export class InferPipe implements PipeTransform<UnaryCall, InferRequest> {
  constructor(private readonly models: ModelRegistry) {}

  transform(call: UnaryCall): InferRequest {
    const message = parse(ModelInferRequestSchema, call.request);
    const model = this.models.resolve(message.modelName, message.modelVersion || undefined);
    const query = readInfer(message, model);
    const circumstances = callOfParameters(query.parameters, callOf(call));
    return { ...query, ref: model, input: { kind: 'tensors', tensors: query.tensors }, call: circumstances };
  }
}

const UnaryCallParam = createParamDecorator((_: unknown, context: ExecutionContext) => context.getArgByIndex<UnaryCall>(2));

export const Infer = (): ParameterDecorator => UnaryCallParam(InferPipe);
