// One session in one worker thread: started, run, restarted when it dies, ended.
import type { InferenceSession } from 'onnxruntime-node';
import { NestorError, reasonOf } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { isDeviceFault } from './device-fault.js';
import { graphFiles } from './graph-files.js';
import { fromWire, toWire } from './datatypes.js';
import type { LoadRequest, RunRequest, WireMetadata, WorkerReply } from './messages.js';
import type { WorkerThread } from './worker-threads.js';

const FIRST_RESTART_MS = 100;
const SLOWEST_RESTART_MS = 30_000;

export interface SessionMetadata {
  readonly inputs: readonly WireMetadata[];
  readonly outputs: readonly WireMetadata[];
}

export interface RunResult {
  readonly outputs: Tensor[];
  /** Time inside ONNX Runtime, in seconds. */
  readonly seconds: number;
}

export interface InstanceOptions {
  readonly openWorker: () => WorkerThread;
  readonly modelPath: string;
  /** Its folder is named by its content: whatever is written there again is the same. */
  readonly immutable?: boolean;
  readonly sessionOptions: InferenceSession.SessionOptions;
  readonly threads: number;
  readonly niceness: number;
  /** Called after each try to bring a lost thread back; `ready` and `failing` say how it went. */
  readonly onRestart: () => void;
  /** Called when the thread died without being told to. */
  readonly onLost: (reason: string) => void;
  /** Called when a lost thread could not be brought back; that is tried again. */
  readonly onFailing: (reason: string) => void;
  /** Called when the device failed for good: no thread of this process can run on it any more. */
  readonly onUnfit: (reason: string) => void;
}

interface Pending {
  readonly id: number;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (reason: NestorError) => void;
}

export class Instance {
  #worker: WorkerThread | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #ready = false;
  #failing = false;
  #unfit = false;
  #closing = false;
  #nextId = 0;
  #restartMs = FIRST_RESTART_MS;
  #restart: NodeJS.Timeout | undefined;
  /** The files as they were when it was loaded first. */
  #loadedFrom: Promise<string> | undefined;
  /** One or two. */
  readonly #pending: Pending[] = [];

  constructor(private readonly options: InstanceOptions) {}

  get threads(): number {
    return this.options.threads;
  }

  /** The thread died and the last try to bring it back failed, or the device failed for good. */
  get failing(): boolean {
    return this.#failing;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Runs that were asked for and not answered yet. */
  get runs(): number {
    return this.#pending.length;
  }

  /** @throws Error with ONNX Runtime's reason when the model cannot be loaded. */
  async start(): Promise<SessionMetadata> {
    const request: LoadRequest = {
      modelPath: this.options.modelPath,
      sessionOptions: this.options.sessionOptions,
      niceness: this.options.niceness,
    };
    this.#loadedFrom ??= graphFiles(this.options.modelPath).catch(reasonOf);
    // Throws where the system has no thread left: a rejection like any other reason, also for who starts it from a timer.
    const worker = this.options.openWorker();
    worker.postMessage(request);
    this.#worker = worker;
    this.#ended = new Promise((resolve) => worker.on('exit', resolve));
    return new Promise((resolve, reject) => {
      let reason: string | undefined;
      worker.on('message', (message: WorkerReply) => {
        if (message.kind === 'ready') {
          this.#ready = !this.#closing;
          this.#failing = false;
          resolve(message);
        } else if (message.kind === 'unloadable') {
          reason = message.reason;
        } else {
          this.#settle(message);
        }
      });
      worker.on('error', (error: unknown) => (reason = reasonOf(error)));
      worker.on('exit', (code) => {
        const served = this.#ready;
        reason ??= served ? `the worker thread ended with code ${code}` : 'the worker thread ended before its model was loaded';
        this.#lose();
        reject(new Error(reason));
        if (served && !this.#closing) this.#revive(reason);
      });
    });
  }

  /**
   * Runs one batch. The buffers of the inputs move to the worker: the caller must not use them again.
   * @throws NestorError INFERENCE_FAILED when ONNX Runtime refuses, WORKER_LOST when the thread dies meanwhile.
   */
  run(inputs: readonly Tensor[], fetches: readonly string[]): Promise<RunResult> {
    const worker = this.#worker;
    if (!worker || !this.#ready) return Promise.reject(workerLost());
    const id = this.#nextId++;
    const feeds = Object.fromEntries(inputs.map((input) => [input.name, toWire(input)]));
    const buffers = inputs.flatMap(({ data }) => (ArrayBuffer.isView(data) ? [data.buffer as ArrayBuffer] : []));
    const request: RunRequest = { id, feeds, fetches };
    worker.postMessage(request, [...new Set(buffers)]);
    return new Promise((resolve, reject) => this.#pending.push({ id, resolve, reject }));
  }

  /**
   * Ends the thread once it has finished what it was asked, which gives all memory of the session back. It is asked, not terminated:
   * a thread that is stopped inside ONNX Runtime takes the process with it (the binding throws where nobody can catch).
   */
  async close(): Promise<void> {
    this.#closing = true;
    this.#ready = false;
    clearTimeout(this.#restart);
    this.#worker?.postMessage('end');
    await this.#ended;
  }

  #settle(message: Extract<WorkerReply, { id: number }>): void {
    const place = this.#pending.findIndex(({ id }) => id === message.id);
    const pending = this.#pending[place];
    if (pending) this.#pending.splice(place, 1);
    if (message.kind === 'failure') {
      if (isDeviceFault(message.reason)) this.#condemn(message.reason);
      // Another process can do it: the client is told to try again, not that the input was at fault.
      if (this.#unfit) return pending?.reject(workerLost(message.reason));
      pending?.reject(new NestorError('INFERENCE_FAILED', 'The model could not run this input', { cause: message.reason }));
      return;
    }
    this.#restartMs = FIRST_RESTART_MS;
    const outputs = Object.entries(message.outputs).map(([name, wire]) => fromWire(name, wire));
    pending?.resolve({ outputs, seconds: message.seconds });
  }

  #condemn(reason: string): void {
    if (this.#unfit) return;
    this.#unfit = true;
    this.#ready = false;
    this.#failing = true;
    this.options.onUnfit(reason);
  }

  #lose(): void {
    this.#worker = undefined;
    this.#ready = false;
    for (const { reject } of this.#pending.splice(0)) reject(workerLost());
  }

  /** Tries again until the thread serves, each time after twice the wait: a model that kills its thread must not spin. */
  #revive(reason: string): void {
    this.options.onLost(reason);
    const again = (): void => {
      this.#restart = setTimeout(() => {
        this.#startAgain()
          .catch((thrown: unknown) => {
            this.#failing = true;
            if (isDeviceFault(reasonOf(thrown))) this.#condemn(reasonOf(thrown));
            if (this.#closing || this.#unfit) return;
            this.options.onFailing(reasonOf(thrown));
            again();
          })
          .finally(this.options.onRestart);
      }, this.#restartMs);
      this.#restart.unref();
      this.#restartMs = Math.min(this.#restartMs * 2, SLOWEST_RESTART_MS);
    };
    again();
  }

  /** Other files are another model: its answers would be taken for those of this one, and remembered. */
  async #startAgain(): Promise<void> {
    const { modelPath, immutable = false } = this.options;
    if (!immutable && (await graphFiles(modelPath).catch(reasonOf)) !== (await this.#loadedFrom))
      throw new Error(`${modelPath} was written since it was loaded; load the model anew`);
    if (!this.#closing) await this.start();
  }
}

function workerLost(cause?: string): NestorError {
  return new NestorError('WORKER_LOST', 'The worker died while it served the request; try again', { retryAfter: 1, cause });
}
