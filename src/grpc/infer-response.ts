// A prediction -> ModelInferResponse, its outputs as bytes unless the request asked otherwise.
import { create } from '@bufbuild/protobuf';
import { NestorError } from '../errors.js';
import type { Prediction } from '../inference/prediction.js';
import { bytesOf } from '../oip/raw-tensor.js';
import { elementCount, type Datatype, type Tensor } from '../tensor.js';
import { contentsOf } from './contents.js';
import type { InferQuery } from './infer-request.js';
import { ModelInferResponseSchema, type ModelInferResponse } from './inference_pb.js';

/** They are made in one turn of the event loop: 100 ms for so many, 2 s for 100 MB. Text takes eight times as long. */
const MOST_TYPED_NUMBERS = 1024 * 1024;
const NUMBERS_A_TEXT = 8;

/** @throws NestorError PAYLOAD_TOO_LARGE for more typed contents than can be made at once. */
export function inferResponse({ id, isBinary }: InferQuery, { model, outputs }: Prediction): ModelInferResponse {
  checkTyped(outputs.filter(({ name }) => !isBinary(name)));
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

function checkTyped(outputs: readonly Tensor[]): void {
  const cost = outputs.reduce((sum, { datatype, shape }) => sum + elementCount(shape) * (datatype === 'BYTES' ? NUMBERS_A_TEXT : 1), 0);
  if (cost <= MOST_TYPED_NUMBERS) return;
  const message = `Typed contents may hold ${MOST_TYPED_NUMBERS} numbers or ${MOST_TYPED_NUMBERS / NUMBERS_A_TEXT} texts; ask for bytes, without binary_data_output and binary_data`;
  throw new NestorError('PAYLOAD_TOO_LARGE', message, { field: 'outputs' });
}
