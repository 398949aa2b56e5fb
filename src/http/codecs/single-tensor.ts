// Formats that carry one tensor and no name: for whom is it, and what shape has it where nothing says so?
import { invalid, NestorError } from '../../errors.js';
import type { Model } from '../../models/model.js';
import type { TensorSpec } from '../../models/signature.js';
import type { Prediction } from '../../inference/prediction.js';
import { DATATYPES, elementCount, type Datatype, type Tensor } from '../../tensor.js';

/** @throws NestorError INVALID_REQUEST for a model that takes several tensors. */
export function onlyInput({ name, signature }: Model): TensorSpec {
  const [spec, ...others] = signature.inputs;
  if (spec && others.length === 0) return spec;
  const names = signature.inputs.map((input) => input.name).join(', ');
  throw invalid('inputs', `The model ${name} takes several tensors (${names}); send a format that names them: JSON, MsgPack or Protobuf`);
}

/** @throws NestorError NOT_ACCEPTABLE for an answer of several tensors. */
export function onlyOutput({ outputs }: Prediction): Tensor {
  const [tensor, ...others] = outputs;
  if (tensor && others.length === 0) return tensor;
  throw new NestorError('NOT_ACCEPTABLE', severalOutputs(outputs.map(({ name }) => name)), { field: 'Accept' });
}

export function severalOutputs(names: readonly string[]): string {
  return `The answer has several tensors (${names.join(', ')}) and the format carries one; name it: ?outputs=${names[0] ?? ''}`;
}

/**
 * The shape of the signature, its one free axis as long as the bytes make it.
 * @throws NestorError INVALID_REQUEST that asks for `howToSay` where that is not enough to know the shape.
 */
export function shapeOf(spec: TensorSpec, datatype: Datatype, byteLength: number, howToSay: string): number[] {
  const free = spec.shape.filter((size) => size === -1).length;
  const size = DATATYPES[datatype].bytes;
  const asked = `send it as ${howToSay}`;
  if (free > 1 || (size === 0 && free > 0)) {
    throw invalid(howToSay, `The shape of ${spec.name} is [${spec.shape.join(', ')}], where -1 is free; ${asked}`);
  }
  const width = elementCount(spec.shape.filter((axis) => axis !== -1)) * size;
  if (free === 0 || width === 0) return [...spec.shape];
  if (byteLength % width !== 0) {
    throw invalid('body', `There are ${byteLength} bytes; a row of ${spec.name} takes ${width}, or ${asked}`);
  }
  return spec.shape.map((axis) => (axis === -1 ? byteLength / width : axis));
}
