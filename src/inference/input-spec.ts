// The input that a client names, and whether what it says of a tensor fits it.
import { invalid, type NestorError } from '../errors.js';
import type { Signature, TensorSpec } from '../models/signature.js';
import type { Datatype } from '../tensor.js';

/** @throws NestorError INVALID_REQUEST that lists the inputs that there are. */
export function inputSpec(signature: Signature, name: string): TensorSpec {
  const spec = signature.input(name);
  if (!spec) throw unknownInput(signature, name, `inputs.${name}`);
  return spec;
}

/**
 * Looks at no element: reading them is work, which a tensor that does not fit is not worth.
 * @throws NestorError INVALID_REQUEST
 */
export function checkFit(spec: TensorSpec, datatype: Datatype, shape: readonly number[]): void {
  const { name } = spec;
  if (datatype !== spec.datatype) throw invalid(`inputs.${name}.datatype`, `${name} is ${datatype}; the model takes ${spec.datatype}`);
  const fits = shape.length === spec.shape.length && shape.every((size, axis) => spec.shape[axis] === -1 || spec.shape[axis] === size);
  if (!fits)
    throw invalid(
      `inputs.${name}.shape`,
      `${name} has shape [${shape.join(', ')}]; the model takes [${spec.shape.join(', ')}], where -1 is free`,
    );
}

export function unknownInput({ inputs }: Signature, name: string, field: string): NestorError {
  return invalid(field, `The model has no input ${JSON.stringify(name)}; its inputs are ${inputs.map((input) => input.name).join(', ')}`);
}
