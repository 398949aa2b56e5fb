// What goes into a prediction and what comes out, as the MsgPack documents of the server.
import { decode, encode } from '@msgpack/msgpack';
import type { Answer } from './answer.js';
import { NestorError } from './error.js';
import { readTensor, writeTensor } from './tensor-bytes.js';
import type { AnySignature, Signature, TensorInput, Tensors } from './tensor.js';

export const MSGPACK = 'application/msgpack';

interface Answered {
  readonly model: string;
  readonly version: string;
  readonly requestId: string | undefined;
}

/** The answer to named tensors. */
export interface Prediction<Outputs extends Signature<Outputs> = AnySignature> extends Answered {
  readonly outputs: Tensors<Outputs>;
}

/** The answer to instances: one entry each, in order. Integers of 64 bits are bigint. */
export interface Predictions<Row = unknown> extends Answered {
  readonly predictions: readonly Row[];
}

/** What a model with labels says of an instance. */
export interface Classification<Label extends string = string> {
  readonly label: Label;
  readonly score: number;
  readonly scores: Readonly<Record<Label, number>>;
}

export type PredictInput = Readonly<Record<string, TensorInput>> | readonly unknown[];

/**
 * Named tensors travel as their bytes; an array is instances.
 * @throws NestorError INVALID_REQUEST for values that are neither numbers, texts, bytes nor lists and objects of them.
 */
export async function writePrediction(input: PredictInput, outputs: readonly string[] | undefined): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const document = Array.isArray(input) ? { instances: await Promise.all(input.map(plain)) } : { inputs: written(input) };
    // Tensors last: at the end of a body they lie aligned, and the server need not copy them.
    return encode({ outputs, ...document }, { useBigInt64: true, ignoreUndefined: true });
  } catch (thrown) {
    throw new NestorError('INVALID_REQUEST', `The input cannot be sent: ${reasonOf(thrown)}`, { field: 'inputs', cause: thrown });
  }
}

function written(inputs: object): object {
  return Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, writeTensor(tensor as TensorInput)]));
}

/** @throws NestorError INVALID_ANSWER, also where an output that was asked for is missing. */
export function readPrediction(answer: Answer, wanted: readonly string[] = []): Prediction {
  const { outputs, ...answered } = documentOf(answer);
  if (typeof outputs !== 'object' || outputs === null) throw answer.invalid('it has no outputs', 'outputs');
  const tensors = Object.entries(outputs).map(([name, value]) => {
    try {
      return [name, readTensor(value)] as const;
    } catch (thrown) {
      throw answer.invalid(`the output ${name}: ${reasonOf(thrown)}`, `outputs.${name}`, thrown);
    }
  });
  const missing = wanted.find((name) => !Object.hasOwn(outputs, name));
  if (missing !== undefined) throw answer.invalid(`it lacks the output ${missing}`, `outputs.${missing}`);
  return { ...identity(answer, answered), outputs: Object.fromEntries(tensors) };
}

/** @throws NestorError INVALID_ANSWER unless there is one for each instance. */
export function readPredictions(answer: Answer, count: number): Predictions {
  const { predictions, ...answered } = documentOf(answer);
  if (!Array.isArray(predictions) || predictions.length !== count) {
    throw answer.invalid(`it has no prediction for each of ${count} instances`, 'predictions');
  }
  return { ...identity(answer, answered), predictions };
}

function identity(answer: Answer, { model, version }: Record<string, unknown>): Answered {
  if (typeof model !== 'string' || typeof version !== 'string') throw answer.invalid('it names no model and version', 'model');
  return { model, version, requestId: answer.requestId };
}

function documentOf(answer: Answer): Record<string, unknown> {
  answer.expectType(MSGPACK);
  const { bytes } = answer;
  try {
    // Every element takes a byte at least: a length cannot claim more memory than came.
    const value = decode(bytes, { useBigInt64: true, maxArrayLength: bytes.length, maxMapLength: bytes.length });
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (thrown) {
    throw answer.invalid(`it is not MsgPack: ${reasonOf(thrown).slice(0, 120)}`, undefined, thrown);
  }
  throw answer.invalid('it is no object');
}

/** Rows as lists of numbers and pictures as bytes: the server reads no other instances. */
async function plain(instance: unknown): Promise<unknown> {
  if (ArrayBuffer.isView(instance) && !(instance instanceof DataView)) return Array.from(instance as unknown as Iterable<number | bigint>);
  if (typeof instance !== 'object' || instance === null || Array.isArray(instance)) return instance;
  const fields = Object.entries(instance).map(async ([name, value]: [string, unknown]) => [
    name,
    name === 'image' ? await bytesOf(value) : await plain(value),
  ]);
  return Object.fromEntries(await Promise.all(fields)) as unknown;
}

async function bytesOf(image: unknown): Promise<unknown> {
  return image instanceof Blob ? new Uint8Array(await image.arrayBuffer()) : image;
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
