// A prediction as a document of plain values, the shape that JSON and MsgPack share.
import { invalid } from '../../errors.js';
import { classify, scoresOutput } from '../../inference/classification.js';
import type { Prediction, PredictionInput } from '../../inference/prediction.js';
import type { Model } from '../../models/model.js';
import { elementCount, view, type Tensor } from '../../tensor.js';
import { PredictBody } from '../dto/predict.dto.js';
import { envelope } from '../envelope.js';
import type { PredictionQuery } from './codec.js';
import { inputSpec } from '../../inference/input-spec.js';
import { tensorFromRows, tensorFromJson } from './json-tensors.js';
import { NumberBlock } from './number-block.js';

/** How a format writes numbers. */
export interface Writing {
  readonly tensor: (tensor: Tensor) => object;
  /** The values of a row, nested as its shape says. */
  readonly row: (tensor: Tensor, shape: readonly number[]) => unknown;
}

/**
 * @param maxElements what the body can hold at most: a shape cannot claim more memory than was sent.
 * @throws NestorError INVALID_REQUEST
 */
export function readDocument(value: unknown, model: Model, maxElements: number): PredictionQuery {
  const { inputs, instances, outputs, id } = envelope(PredictBody, withRows(value));
  if ((inputs === undefined) === (instances === undefined)) throw invalid('inputs', 'Send either inputs or instances');
  const input = inputs ? tensorsOf(inputs, model, maxElements) : instancesOf(instances ?? [], model, maxElements);
  return { input, outputs, byInstance: instances !== undefined, id };
}

/** Rows that came as one block are counted like any others. */
function withRows(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { instances } = value as { instances?: unknown };
  return instances instanceof NumberBlock ? { ...value, instances: instances.rows() } : value;
}

export function writeDocument(prediction: Prediction, { id, byInstance }: PredictionQuery, writing: Writing): object {
  const { name, version } = prediction.model;
  const answer = byInstance
    ? { predictions: predictionsOf(prediction, writing) }
    : { outputs: Object.fromEntries(prediction.outputs.map((output) => [output.name, writing.tensor(output)])) };
  return { ...(id !== undefined && { id }), model: name, version, ...answer };
}

/** One entry a row: a class where the model has classes, the values of an only output, else the values of all by name. */
function predictionsOf({ model, parts }: Prediction, writing: Writing): unknown[] {
  const scores = scoresOutput(model);
  return parts.flatMap((outputs) => {
    const [only] = outputs;
    if (only && outputs.length === 1) return only.name === scores?.name ? classify(model, only) : rowsOf(only, writing);
    const columns = outputs.map((output) => [output.name, rowsOf(output, writing)] as const);
    return (columns[0]?.[1] ?? []).map((_, row) => Object.fromEntries(columns.map(([name, rows]) => [name, rows[row]])));
  });
}

function rowsOf(output: Tensor, { row: write }: Writing): unknown[] {
  const [count = 0, ...rest] = output.shape;
  const width = elementCount(rest);
  return Array.from({ length: count }, (_, row) => write({ ...output, data: view(output.data, row * width, (row + 1) * width) }, rest));
}

function tensorsOf(inputs: Record<string, unknown>, { signature }: Model, maxElements: number): PredictionInput {
  const tensors = Object.entries(inputs).map(([name, value]) => {
    return tensorFromJson(value, inputSpec(signature, name), `inputs.${name}`, maxElements);
  });
  return { kind: 'tensors', tensors };
}

function instancesOf(instances: readonly unknown[], model: Model, maxElements: number): PredictionInput {
  if (instances.length === 0) throw invalid('instances', 'instances is empty');
  if (model.image) return { kind: 'images', images: instances.map(imageOf) };
  if (model.tokenizer) return { kind: 'texts', texts: instances.map(textOf) };
  const { inputs } = model.signature;
  if (!model.layout.batches)
    throw invalid('instances', `The model does not batch rows; send inputs: ${inputs.map(({ name }) => name).join(', ')}`);
  const column = (name: string): unknown[] =>
    instances.map((row, index) => (inputs.length === 1 ? valuesOfRow(row, name) : fieldOf(row, index, name)));
  return { kind: 'tensors', tensors: inputs.map((spec) => tensorFromRows(column(spec.name), spec, maxElements)) };
}

function imageOf(instance: unknown, index: number): Uint8Array {
  const image = typeof instance === 'object' && instance !== null ? (instance as { image?: unknown }).image : undefined;
  if (image instanceof Uint8Array) return image;
  if (typeof image !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(image))
    throw invalid(`instances[${index}].image`, 'An instance is { "image": "<base64 of a PNG, JPEG or WebP>" }');
  return Buffer.from(image, 'base64');
}

function textOf(instance: unknown, index: number): string {
  if (typeof instance !== 'string') throw invalid(`instances[${index}]`, 'An instance is a text');
  return instance;
}

/** A row of a model with one input may name it or not. */
function valuesOfRow(row: unknown, name: string): unknown {
  return typeof row === 'object' && row !== null && Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : row;
}

function fieldOf(row: unknown, index: number, name: string): unknown {
  if (typeof row !== 'object' || row === null || !Object.hasOwn(row, name))
    throw invalid(`instances[${index}].${name}`, `The instance lacks the input ${name}`);
  return (row as Record<string, unknown>)[name];
}
