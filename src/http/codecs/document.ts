// A prediction as a document of plain values, the shape that JSON and MsgPack share.
import { invalid } from '../../errors.js';
import { classify } from '../../inference/classification.js';
import type { Prediction, PredictionInput } from '../../inference/prediction.js';
import type { Model } from '../../models/model.js';
import type { Signature } from '../../models/signature.js';
import { scoresOutput } from '../../models/scores-output.js';
import { elementCount, view, type Tensor } from '../../tensor.js';
import { PredictBody } from '../dto/predict.dto.js';
import { envelope } from '../envelope.js';
import type { PredictionQuery } from './codec.js';
import { inputSpec, unknownInput } from '../../inference/input-spec.js';
import { isObject } from './document-value.js';
import { tensorFromRows, tensorFromJson, type Fill } from './json-tensors.js';
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
export function readDocument(value: unknown, model: Model, maxElements: number): PredictionQuery | Promise<PredictionQuery> {
  const { inputs, instances, outputs, id } = envelope(PredictBody, value);
  if ((inputs === undefined) === (instances === undefined)) throw invalid('inputs', 'Send either inputs or instances');
  const later: Fill[] = [];
  const input = inputs ? tensorsOf(inputs, model, maxElements, later) : instancesOf(instances ?? [], model, maxElements, later);
  const query = { input, outputs, byInstance: instances !== undefined, id };
  return later.length === 0 ? query : filled(query, later);
}

async function filled(query: PredictionQuery, later: readonly Fill[]): Promise<PredictionQuery> {
  for (const fill of later) await fill();
  return query;
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
  const scores = scoresOutput(model.signature, model.labels);
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

function tensorsOf(inputs: Record<string, unknown>, { signature }: Model, maxElements: number, later: Fill[]): PredictionInput {
  const tensors = Object.entries(inputs).map(([name, value]) => {
    return tensorFromJson(value, inputSpec(signature, name), `inputs.${name}`, maxElements, later);
  });
  return { kind: 'tensors', tensors };
}

function instancesOf(given: readonly unknown[] | NumberBlock, model: Model, maxElements: number, later: Fill[]): PredictionInput {
  // A block may have millions of rows and is not split: it is a tensor as it is, and where none is wanted one row is refused for all.
  const instances = given instanceof NumberBlock ? [0] : given;
  if (instances.length === 0) throw invalid('instances', 'instances is empty');
  if (model.image) return { kind: 'images', images: instances.map(imageOf) };
  if (model.tokenizer) return { kind: 'texts', texts: instances.map(textOf) };
  const { signature } = model;
  const { inputs } = signature;
  if (!model.layout.batches) throw invalid('instances', unbatched(model));
  // A row of a model with one input may name it or not.
  const rows = instances.map((row, index) => (inputs.length === 1 && !isObject(row) ? row : namedInputs(row, index, signature)));
  const column = (name: string) => (given instanceof NumberBlock ? given : rows.map((row) => (isObject(row) ? row[name] : row)));
  return { kind: 'tensors', tensors: inputs.map((spec) => tensorFromRows(column(spec.name), spec, maxElements, later)) };
}

function unbatched({ signature: { inputs, outputs } }: Model): string {
  const fixed = [...inputs, ...outputs].filter(({ shape }) => shape[0] !== -1).map(({ name }) => name);
  const why = fixed.length > 0 ? `the first axis is not free in ${fixed.join(', ')}` : 'batching.enabled is false in its model.yaml';
  const example = Object.fromEntries(inputs.map(({ name, shape }) => [name, { shape, data: ['...'] }]));
  return `The model does not batch rows: ${why}. Send whole tensors: ${JSON.stringify({ inputs: example })}`;
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

/** @throws NestorError INVALID_REQUEST that names the input that is missing, or unknown. */
function namedInputs(row: unknown, index: number, signature: Signature): Readonly<Record<string, unknown>> {
  const names = signature.inputs.map(({ name }) => name);
  if (!isObject(row)) throw invalid(`instances[${index}]`, `An instance is an object of the inputs ${names.join(', ')}`);
  const missing = names.find((name) => !Object.hasOwn(row, name));
  const unknown = Object.keys(row).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownInput(signature, unknown, `instances[${index}].${unknown}`);
  if (missing !== undefined) throw invalid(`instances[${index}].${missing}`, `The instance lacks the input ${missing}`);
  return row;
}
