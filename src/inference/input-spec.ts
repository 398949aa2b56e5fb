// The input that a client names.
import { invalid } from '../errors.js';
import type { Signature, TensorSpec } from '../models/signature.js';

/** @throws NestorError INVALID_REQUEST that lists the inputs that there are. */
export function inputSpec(signature: Signature, name: string): TensorSpec {
  const spec = signature.input(name);
  if (spec) return spec;
  const known = signature.inputs.map((input) => input.name).join(', ');
  throw invalid(`inputs.${name}`, `The model has no input ${JSON.stringify(name)}; its inputs are ${known}`);
}
