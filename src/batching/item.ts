// What waits in a queue: the smallest parts of requests, and the job that waits for all of its parts.
import type { CancellationSignal } from '../cancellation.js';
import { NestorError } from '../errors.js';
import type { Timeline } from '../telemetry/timeline.js';
import type { Tensor } from '../tensor.js';

/** Rows of one request that travel together. */
export interface Item {
  /** One tensor an input of the model; where the model batches, the first axis counts the rows. */
  readonly inputs: readonly Tensor[];
  /** Bytes of its inputs, texts apart, where that is known without looking at them. */
  readonly bytes?: number;
  readonly rows: number;
  /** Length of its sequence axis; 1 where the model has none. */
  readonly length: number;
  /** Items of one kind differ in rows and length alone, so that they can share a batch. */
  readonly kind: string;
  /** Its mask has zeros of its own where sequences share rows by their masks: it travels alone. */
  readonly masked?: boolean;
  /** Nobody else refers to the memory of its inputs. */
  readonly owned?: boolean;
}

/** Whose work it is: a tenant, or everybody where there are none. */
export interface Share {
  readonly name: string;
  /** How much of the whole it is due beside others: twice the weight, twice the tokens. Above 0. */
  readonly weight: number;
}

export const EVERYBODY: Share = { name: '', weight: 1 };

/** Outputs of one request, all of which are there before it is answered: 700,000 tokens of 384 floats. */
export const MOST_OUTPUT_BYTES = 1024 ** 3;

/** RFC 9218's default, of requests that name none. */
export const USUAL_URGENCY = 3;

export interface JobOptions {
  /** Names of the outputs to compute. */
  readonly outputs: readonly string[];
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: CancellationSignal | undefined;
  /** Point of `performance.now()` after which the answer is worthless. */
  readonly deadline?: number | undefined;
  /** Urgency as in RFC 9218: 0 is served first, 7 last, 3 by default. */
  readonly urgency?: number | undefined;
  /** What is kept of the outputs of the item of that index, once they are there; all by default, which are views of what the whole batch put out. */
  readonly keep?: ((outputs: readonly Tensor[], index: number) => readonly Tensor[]) | undefined;
  /** Who pays for it; everybody by default. */
  readonly share?: Share | undefined;
  /** Told when it passes which station. */
  readonly timeline?: Timeline | undefined;
  /** It was let in when its cost was known. */
  readonly admitted?: boolean;
  /** The queue's limits are for clients: what the server asks of itself is let in, and waits for its turn. */
  readonly unlimited?: boolean;
}

export interface JobResult {
  /** The outputs of each item, or what is kept of them, in the order of the items. */
  readonly outputs: readonly (readonly Tensor[])[];
  /** The longest wait of an item, in seconds. */
  readonly queueSeconds: number;
  /** The longest run of a batch that carried an item, in seconds. */
  readonly inferenceSeconds: number;
}

/** Work of an item, in tokens: what it adds to a batch that is not padded. */
export function costOf(item: Pick<Item, 'rows' | 'length'>): number {
  return item.rows * item.length;
}

/** Of all of them. */
export function totalOf(items: readonly Item[]): { rows: number; tokens: number } {
  return {
    rows: items.reduce((sum, { rows }) => sum + rows, 0),
    tokens: items.reduce((sum, item) => sum + costOf(item), 0),
  };
}

/** Of its inputs, texts apart. */
export function bytesOf(item: Pick<Item, 'inputs' | 'bytes'>): number {
  return item.bytes ?? bytesOfTensors(item.inputs);
}

/** Texts apart. */
export function bytesOfTensors(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { data }) => sum + (ArrayBuffer.isView(data) ? data.byteLength : 0), 0);
}

/** @param bytes that they would be, as one says it. */
export function tooMuchOutput(bytes: string): NestorError {
  const message = `The outputs of this request would be ${bytes} bytes; ${MOST_OUTPUT_BYTES} may be had at once. Ask for fewer of them, or send it in parts`;
  return new NestorError('PAYLOAD_TOO_LARGE', message, { field: 'outputs' });
}
