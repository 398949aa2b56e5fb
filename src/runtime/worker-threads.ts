// Threads for sessions: one is started before anybody knows for which model.
import { Worker } from 'node:worker_threads';
import type { WorkerRequest } from './messages.js';

export class WorkerThreads {
  #ahead: Worker | undefined;

  constructor(private readonly url: URL) {}

  /** The next thread that somebody asks for: it starts, and loads ONNX Runtime, while other things are done. */
  startAhead(): void {
    const worker = new Worker(this.url);
    // Whoever asks next is given a thread that says itself why it cannot live.
    const gone = (): void => {
      if (this.#ahead === worker) this.#ahead = undefined;
    };
    worker.on('error', gone);
    worker.on('exit', gone);
    // A process that loads no model ends without it.
    worker.unref();
    this.#ahead = worker;
  }

  /** A thread that waits to be told what to load. */
  open(): Worker {
    const worker = this.#ahead ?? new Worker(this.url);
    this.#ahead = undefined;
    worker.ref();
    return worker;
  }

  /** Ends the thread that nobody has asked for. */
  async close(): Promise<void> {
    const worker = this.#ahead;
    if (!worker) return;
    worker.ref();
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('end' satisfies WorkerRequest);
    await ended;
  }
}
