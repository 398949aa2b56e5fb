// The worker thread: one ONNX Runtime session, one batch after the other.
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { workerData, type MessagePort } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { LoadRequest, RunRequest, WireMetadata, WireTensor, WorkerReply, WorkerRequest } from './messages.js';

const port = workerData as MessagePort | null;
if (!port) throw new Error('worker.ts runs in a worker thread only; this is a bug');

/** On Linux a thread has a nice value of its own, and threads that it starts (the intra-op pool) inherit it. */
function yieldToTheEventLoop(niceness: number): void {
  try {
    const thread = /task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1];
    if (thread && niceness > 0) setPriority(Number(thread), niceness);
  } catch {
    // Other systems have no such thread, and nothing depends on it: answers are late, not wrong.
  }
}

/** Whoever exports a classifier of scikit-learn meets this first: its scores are a list of mappings by default. */
const ONLY_TENSORS =
  "only tensors can be served. A classifier of scikit-learn is exported with skl2onnx's options={'zipmap': False}, others without sequences and maps";

function describe(values: readonly InferenceSession.ValueMetadata[]): WireMetadata[] {
  return values.map((value) => {
    if (!value.isTensor) throw new Error(`${value.name} is not a tensor: ${ONLY_TENSORS}`);
    return { name: value.name, type: value.type, shape: value.shape };
  });
}

function reply(message: WorkerReply, outputs: readonly WireTensor[] = []): void {
  const buffers = outputs.flatMap(({ data }) => (ArrayBuffer.isView(data) ? [data.buffer as ArrayBuffer] : []));
  port?.postMessage(message, [...new Set(buffers)]);
}

/**
 * The binding takes a Float16Array for empty (https://github.com/microsoft/onnxruntime/pull/32323), and its JavaScript half makes one of whatever it is given where
 * the engine has them. So this thread has none: halves travel as the 16-bit integers that they are in memory.
 */
const Halves = globalThis.Float16Array;
Reflect.deleteProperty(globalThis, 'Float16Array');

function toBinding({ type, data, dims }: WireTensor): Tensor {
  const given: unknown = data;
  if (!(given instanceof Halves)) return new Tensor(type, data, dims);
  return new Tensor('float16', new Uint16Array(given.buffer, given.byteOffset, given.length), dims);
}

function fromBinding({ type, data, dims }: Tensor): WireTensor {
  if (type !== 'float16') return { type, data, dims };
  const { buffer, byteOffset, length } = data as Uint16Array;
  const halves: unknown = new Halves(buffer, byteOffset, length);
  return { type, data: halves as Tensor.DataType, dims };
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Gives the memory of an input back at once: it counts against the heap of this thread, and would bring on collections of it. */
function release({ data }: WireTensor): void {
  if (ArrayBuffer.isView(data) && !(data.buffer as ArrayBuffer).detached) (data.buffer as ArrayBuffer).transfer(0);
}

async function run(session: InferenceSession, { id, feeds, fetches }: RunRequest): Promise<void> {
  try {
    const tensors = Object.entries(feeds).map(([name, tensor]) => [name, toBinding(tensor)] as const);
    const started = performance.now();
    const results = await session.run(Object.fromEntries(tensors), fetches);
    const seconds = (performance.now() - started) / 1000;
    Object.values(feeds).forEach(release);
    const outputs: Record<string, WireTensor> = {};
    for (const [name, tensor] of Object.entries(results)) outputs[name] = fromBinding(tensor);
    reply({ kind: 'result', id, outputs, seconds }, Object.values(outputs));
  } catch (thrown) {
    reply({ kind: 'failure', id, reason: reasonOf(thrown) });
  }
}

/** What ONNX Runtime says of a provider that it lacks names a function of its own. */
function remedied(reason: string): string {
  if (!reason.includes('AppendExecutionProvider')) return reason;
  return `${reason}. The libraries of this provider are not installed: docs/deployment.md has the GPU image; runtime.provider: cpu does without`;
}

async function load({ modelPath, sessionOptions, niceness }: LoadRequest): Promise<InferenceSession | undefined> {
  try {
    yieldToTheEventLoop(niceness);
    const session = await InferenceSession.create(modelPath, sessionOptions);
    reply({ kind: 'ready', inputs: describe(session.inputMetadata), outputs: describe(session.outputMetadata) });
    return session;
  } catch (thrown) {
    reply({ kind: 'unloadable', reason: remedied(reasonOf(thrown)) });
    port?.close();
    return undefined;
  }
}

let session: InferenceSession | undefined;
let last: Promise<void> = Promise.resolve();
// One after the other: what comes while the model is loaded waits until it is.
port.on('message', (request: WorkerRequest) => {
  last = last.then(async () => {
    if (request === 'end') port.close();
    else if ('modelPath' in request) session = await load(request);
    else if (session) await run(session, request);
  });
});
