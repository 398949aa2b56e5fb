// The input that a client names.
import { invalid, type NestorError } from '../errors.js';
import type { Signature, TensorSpec } from '../models/signature.js';

/** @throws NestorError INVALID_REQUEST that lists the inputs that there are. */
export function inputSpec(signature: Signature, name: string): TensorSpec {
  const spec = signature.input(name);
  if (!spec) throw unknownInput(signature, name, `inputs.${name}`);
  return spec;
}

export function unknownInput({ inputs }: Signature, name: string, field: string): NestorError {
  return invalid(field, `The model has no input ${JSON.stringify(name)}; its inputs are ${inputs.map((input) => input.name).join(', ')}`);
}
