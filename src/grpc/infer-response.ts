// A prediction -> ModelInferResponse, its outputs as bytes unless the request asked otherwise.
import { create } from '@bufbuild/protobuf';
import type { Prediction } from '../inference/prediction.js';
import { bytesOf } from '../oip/raw-tensor.js';
import type { Datatype } from '../tensor.js';
import { contentsOf } from './contents.js';
import type { InferQuery } from './infer-request.js';
import { ModelInferResponseSchema, type ModelInferResponse } from './inference_pb.js';

export function inferResponse({ id, isBinary }: InferQuery, { model, outputs }: Prediction): ModelInferResponse {
  const raw = outputs.filter(({ name }) => isBinary(name)).map(({ data }) => bytesOf(data) as Uint8Array<ArrayBuffer>);
  return create(ModelInferResponseSchema, {
    modelName: model.name,
    modelVersion: model.version,
    id,
    outputs: outputs.map(({ name, datatype, shape, data }) => ({
      name,
      datatype,
      shape: shape.map(BigInt),
      ...(!isBinary(name) && { contents: contentsOf(data, datatype as Exclude<Datatype, 'FP16'>) }),
    })),
    rawOutputContents: raw,
  });
}
