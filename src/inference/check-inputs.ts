// Do these tensors fit this model? Every refusal names the tensor, what it is and what it should be.
import { invalid } from '../errors.js';
import type { InputLimit } from '../models/input-limits.js';
import type { Model } from '../models/model.js';
import type { TensorSpec } from '../models/signature.js';
import { elementCount, type Tensor } from '../tensor.js';
import { inputSpec } from './input-spec.js';

/**
 * The tensors in the order of the signature.
 * @throws NestorError INVALID_REQUEST
 */
export function checkInputs(model: Model, tensors: readonly Tensor[]): Tensor[] {
  const { inputs } = model.signature;
  for (const [index, { name }] of tensors.entries()) {
    inputSpec(model.signature, name);
    if (tensors.findIndex((other) => other.name === name) !== index) throw invalid(`inputs.${name}`, `The input ${name} is given twice`);
  }
  const ordered = inputs.map((spec) => {
    const tensor = tensors.find(({ name }) => name === spec.name);
    if (!tensor) throw invalid(`inputs.${spec.name}`, `The input ${spec.name} is missing; the model takes ${namesOf(inputs)}`);
    checkTensor(tensor, spec);
    checkLimit(tensor, model.limits.get(spec.name));
    return tensor;
  });
  if (model.layout.batches) checkRows(ordered);
  checkSequences(ordered, model);
  checkMask(ordered, model);
  return ordered;
}

/** @throws NestorError INVALID_REQUEST for an output that the model has not. */
export function checkOutputs(model: Model, wanted: readonly string[] | undefined): string[] {
  const known = model.signature.outputs.map(({ name }) => name);
  for (const name of wanted ?? []) {
    if (!known.includes(name))
      throw invalid('outputs', `The model has no output ${JSON.stringify(name)}; its outputs are ${known.join(', ')}`);
  }
  return wanted?.length ? [...new Set(wanted)] : known;
}

function namesOf(specs: readonly TensorSpec[]): string {
  return specs.map(({ name }) => name).join(', ');
}

function checkTensor({ name, datatype, shape, data }: Tensor, spec: TensorSpec): void {
  const field = `inputs.${name}`;
  if (datatype !== spec.datatype) throw invalid(`${field}.datatype`, `${name} is ${datatype}; the model takes ${spec.datatype}`);
  const fits = shape.length === spec.shape.length && shape.every((size, axis) => spec.shape[axis] === -1 || spec.shape[axis] === size);
  if (!fits)
    throw invalid(
      `${field}.shape`,
      `${name} has shape [${shape.join(', ')}]; the model takes [${spec.shape.join(', ')}], where -1 is free`,
    );
  const count = elementCount(shape);
  if (count !== data.length)
    throw invalid(`${field}.data`, `${name} has ${data.length} elements; its shape [${shape.join(', ')}] holds ${count}`);
  // The binding hands strings over as C does: what follows a NUL would be lost.
  const cut = Array.isArray(data) ? data.findIndex((text) => text.includes('\0')) : -1;
  if (cut >= 0) throw invalid(`${field}.data`, `Element ${cut} holds a NUL character, which ONNX Runtime's Node binding cannot carry`);
  if (count === 0) throw invalid(`${field}.shape`, `${name} is empty: no axis may be 0`);
}

/** What the graph leaves free and yet cannot take: the model would fail on it, or make up an answer. */
function checkLimit({ name, shape, data }: Tensor, limit: InputLimit | undefined): void {
  if (!limit) return;
  const { values, min = -Infinity, max = Infinity, maxLength = Infinity } = limit;
  const sizes = limit.shape;
  if (sizes && !shape.every((size, axis) => sizes[axis] === -1 || sizes[axis] === size)) {
    throw invalid(
      `inputs.${name}.shape`,
      `${name} has shape [${shape.join(', ')}]; the model takes [${sizes.join(', ')}], where -1 is free`,
    );
  }
  if ((shape[1] ?? 0) > maxLength)
    throw invalid(`inputs.${name}.shape`, `${name} has sequences of ${shape[1]}; the model takes ${maxLength} at most`);
  if (!values && min === -Infinity && max === Infinity) return;
  for (const element of data) {
    const value = Number(element);
    if (values && !values.includes(value))
      throw invalid(`inputs.${name}.data`, `${name} holds ${value}; it may hold ${values.join(', ')} only`);
    if (!(value >= min && value <= max)) throw invalid(`inputs.${name}.data`, `${name} holds ${value}; its values are ${min} to ${max}`);
  }
}

function checkRows(tensors: readonly Tensor[]): void {
  const [first] = tensors;
  const odd = tensors.find((tensor) => tensor.shape[0] !== first?.shape[0]);
  if (odd)
    throw invalid(
      `inputs.${odd.name}.shape`,
      `${odd.name} has ${odd.shape[0]} rows and ${first?.name} has ${first?.shape[0]}; all inputs need as many`,
    );
}

/** Where a mask numbers the sequences of a row, other numbers than 0 and 1 would make rows that nobody asked for. */
function checkMask(tensors: readonly Tensor[], { layout }: Model): void {
  const mask = tensors.find(({ name }) => name === layout.segmentsBy);
  const data = mask?.data as BigInt64Array | Int32Array | undefined;
  if (mask && data?.some((value: number | bigint) => value > 1 || value < 0))
    throw invalid(`inputs.${mask.name}.data`, `${mask.name} holds 0 and 1 only`);
}

function checkSequences(tensors: readonly Tensor[], { layout }: Model): void {
  const [first, ...others] = tensors.filter(({ name }) => layout.paddedInputs.has(name));
  const odd = others.find((tensor) => tensor.shape[1] !== first?.shape[1]);
  if (odd)
    throw invalid(
      `inputs.${odd.name}.shape`,
      `${odd.name} has sequences of ${odd.shape[1]} and ${first?.name} of ${first?.shape[1]}; all need one length`,
    );
}
