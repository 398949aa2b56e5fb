// A call of ModelInfer -> what `inference/` understands.
import { createParamDecorator, Injectable, type ExecutionContext, type PipeTransform } from '@nestjs/common';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { InferenceService } from '../inference/inference.service.js';
import type { Call, PredictionInput } from '../inference/prediction.js';
import type { Lease } from '../models/lease.js';
import { releaseBlock } from '../oip/block.js';
import { parseMessage } from '../oip/message.js';
import { callOfParameters } from '../oip/parameters.js';
import { Tenants } from '../tenants/tenants.js';
import { callRecords, type CallRecord } from './call-record.js';
import { callOf, deadlineOf } from './call.js';
import { HEAD_BYTES } from './frame-decoder.js';
import { requireNamed } from './guarded-call.js';
import { readInfer, type InferQuery } from './infer-request.js';
import { ModelInferRequestSchema } from './inference_pb.js';

export interface InferRequest extends InferQuery {
  /** Of the model that it goes to; to be given back with the answer. */
  readonly lease: Lease;
  readonly input: PredictionInput;
  readonly call: Call;
  /** Told how long it took. */
  readonly record: CallRecord | undefined;
}

type UnaryCall = ServerUnaryCall<Buffer, unknown>;

@Injectable()
export class InferPipe implements PipeTransform<UnaryCall, Promise<InferRequest>> {
  constructor(
    private readonly inference: InferenceService,
    private readonly tenants: Tenants,
  ) {}

  async transform(call: UnaryCall): Promise<InferRequest> {
    const record = callRecords.get(call.metadata);
    await this.tenants.of(record?.tenant).enter();
    const message = parseMessage(ModelInferRequestSchema, call.request, 'message');
    requireNamed(call.metadata, message);
    const ref = { name: message.modelName, version: message.modelVersion || undefined };
    const lease = await this.inference.lease(ref, call.request.byteLength, deadlineOf(call));
    try {
      const query = readInfer(message, lease.model);
      releaseBlock(call.request, query.tensors, HEAD_BYTES);
      const circumstances = callOfParameters(query.parameters, callOf(call));
      return { ...query, lease, input: { kind: 'tensors', tensors: query.tensors }, call: circumstances, record };
    } catch (thrown) {
      lease.release();
      throw thrown;
    }
  }
}

const UnaryCallParam = createParamDecorator((_: unknown, context: ExecutionContext) => context.getArgByIndex<UnaryCall>(2));

export const Infer = (): ParameterDecorator => UnaryCallParam(InferPipe);
