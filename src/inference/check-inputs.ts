// Do these tensors fit this model? Every refusal names the tensor, what it is and what it should be.
import { setImmediate } from 'node:timers/promises';
import { invalid } from '../errors.js';
import type { InputLimit } from '../models/input-limits.js';
import type { Model } from '../models/model.js';
import type { TensorSpec } from '../models/signature.js';
import { elementCount, numbersOf, view, type Tensor, type TensorData } from '../tensor.js';
import { checkFit, inputSpec } from './input-spec.js';

/** Elements whose values are looked at between two turns of the event loop: less than a millisecond. */
export const ELEMENTS_A_TURN = 64 * 1024;

/**
 * The tensors in the order of the signature, by all but their elements.
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
    checkSizes(tensor, model.limits.get(spec.name));
    return tensor;
  });
  if (model.layout.batches) checkRows(ordered);
  checkSequences(ordered, model);
  return ordered;
}

/**
 * Their elements, many of them in turns: this is work, for what has been admitted.
 * @throws NestorError INVALID_REQUEST
 */
export async function checkValues({ limits, layout }: Model, tensors: readonly Tensor[]): Promise<void> {
  for (const { name, data } of tensors) {
    const limit = limits.get(name);
    const isMask = name === layout.segmentsBy;
    for (let from = 0; from < data.length; from += ELEMENTS_A_TURN) {
      if (from > 0) await setImmediate();
      const some = data.length <= ELEMENTS_A_TURN ? data : view(data, from, from + ELEMENTS_A_TURN);
      if (Array.isArray(some)) checkTexts(name, some, from);
      if (limit) checkLimit(name, some, limit);
      if (isMask && !Array.isArray(some)) checkMask(name, some);
    }
  }
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
  checkFit(spec, datatype, shape);
  const field = `inputs.${name}`;
  const count = elementCount(shape);
  if (count !== data.length)
    throw invalid(`${field}.data`, `${name} has ${data.length} elements; its shape [${shape.join(', ')}] holds ${count}`);
  if (count === 0) throw invalid(`${field}.shape`, `${name} is empty: no axis may be 0`);
}

/** What the graph leaves free and yet cannot take: the model would fail on it, or make up an answer. */
function checkSizes({ name, shape }: Tensor, { shape: sizes, maxLength = Infinity }: InputLimit = {}): void {
  if (sizes && !shape.every((size, axis) => sizes[axis] === -1 || sizes[axis] === size)) {
    throw invalid(
      `inputs.${name}.shape`,
      `${name} has shape [${shape.join(', ')}]; the model takes [${sizes.join(', ')}], where -1 is free`,
    );
  }
  if ((shape[1] ?? 0) > maxLength)
    throw invalid(`inputs.${name}.shape`, `${name} has sequences of ${shape[1]}; the model takes ${maxLength} at most`);
}

/** Likewise, of elements. */
function checkLimit(name: string, data: TensorData, { values, min = -Infinity, max = Infinity }: InputLimit): void {
  if (!values && min === -Infinity && max === Infinity) return;
  const numbers = Array.isArray(data) ? data.map(Number) : numbersOf(data);
  for (const value of numbers) {
    if (values && !values.includes(value))
      throw invalid(`inputs.${name}.data`, `${name} holds ${value}; it may hold ${values.join(', ')} only`);
    if (!(value >= min && value <= max)) throw invalid(`inputs.${name}.data`, `${name} holds ${value}; its values are ${min} to ${max}`);
  }
}

/** The binding hands strings over as C does: what follows a NUL would be lost. */
function checkTexts(name: string, texts: readonly string[], from: number): void {
  const cut = texts.findIndex((text) => text.includes('\0'));
  if (cut < 0) return;
  throw invalid(`inputs.${name}.data`, `Element ${from + cut} holds a NUL character, which ONNX Runtime's Node binding cannot carry`);
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
function checkMask(name: string, data: Exclude<TensorData, string[]>): void {
  for (const value of numbersOf(data)) if (value !== 0 && value !== 1) throw invalid(`inputs.${name}.data`, `${name} holds 0 and 1 only`);
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
