// What the server and a worker thread say to each other; both sides import this file, and it imports types alone.
import type { MessagePort } from 'node:worker_threads';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';

/** A tensor as ONNX Runtime names it; its buffer moves between the threads, it is not copied. */
export interface WireTensor {
  readonly type: OrtTensor.Type;
  readonly data: OrtTensor.DataType;
  readonly dims: readonly number[];
}

/** An input or output of a session; a symbolic axis is its name, `''` where the model gives none. */
export interface WireMetadata {
  readonly name: string;
  readonly type: OrtTensor.Type;
  readonly shape: readonly (number | string)[];
}

/** To the worker, before anything else: load this model. */
export interface LoadRequest {
  readonly modelPath: string;
  readonly sessionOptions: InferenceSession.SessionOptions;
  /** Added to the thread's nice value, so that the event loop goes first when cores are short. */
  readonly niceness: number;
}

/** To the worker: run this batch. Runs are answered in the order in which they were asked. */
export interface RunRequest {
  readonly id: number;
  readonly feeds: Readonly<Record<string, WireTensor>>;
  readonly fetches: readonly string[];
}

/** To the worker; the last: finish what was asked before, then end. */
export type WorkerRequest = LoadRequest | RunRequest | 'end';

/** To the thread that starts the others: start one that listens at this port. Or, the last: end. */
export type StarterRequest = { readonly id: number; readonly port: MessagePort } | 'end';

/** `failed` says why a thread is about to end. */
export type StarterReply =
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string }
  | { readonly kind: 'ended'; readonly id: number; readonly code: number };

export type WorkerReply =
  | { readonly kind: 'ready'; readonly inputs: readonly WireMetadata[]; readonly outputs: readonly WireMetadata[] }
  | { readonly kind: 'unloadable'; readonly reason: string }
  | { readonly kind: 'result'; readonly id: number; readonly outputs: Readonly<Record<string, WireTensor>>; readonly seconds: number }
  | { readonly kind: 'failure'; readonly id: number; readonly reason: string };
