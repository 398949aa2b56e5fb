// Threads for sessions: one is started before anybody knows for which model. All are started by a thread of their own (thread-starter.ts).
import { EventEmitter } from 'node:events';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort, type Transferable } from 'node:worker_threads';
import { reasonOf } from '../errors.js';
import type { StarterReply, StarterRequest, WorkerReply, WorkerRequest } from './messages.js';

/** What an instance asks of its thread; a Worker has it all. */
export interface WorkerThread {
  postMessage(request: WorkerRequest, transfer?: Transferable[]): void;
  on(event: 'message', listener: (reply: WorkerReply) => void): unknown;
  /** Why it ends, before it does. */
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
}

interface Events {
  readonly message: [WorkerReply];
  readonly error: [unknown];
  readonly exit: [number];
}

class StartedThread extends EventEmitter<Events> implements WorkerThread {
  constructor(private readonly port: MessagePort) {
    super();
    port.on('message', (reply: WorkerReply) => this.emit('message', reply));
    // Whether the process goes on for its sake is for the starter to say.
    port.unref();
  }

  postMessage(request: WorkerRequest, transfer: Transferable[] = []): void {
    this.port.postMessage(request, transfer);
  }

  /** It has ended, and whatever it said before is in its port. */
  end(code: number): void {
    for (let said = this.#next(); said; said = this.#next()) this.emit('message', said.message);
    this.port.close();
    this.emit('exit', code);
  }

  #next(): { readonly message: WorkerReply } | undefined {
    return receiveMessageOnPort(this.port);
  }
}

/** Where the file is of the thread that starts the others: compiled beside this one, or its source where Node runs TypeScript (in tests). */
export function starterUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './thread-starter.ts' : './thread-starter.js', import.meta.url);
}

export class WorkerThreads {
  #starter: Worker | undefined;
  #ahead: StartedThread | undefined;
  #nextId = 0;
  readonly #living = new Map<number, StartedThread>();

  /** @param starterUrl of thread-starter.ts, compiled or not. */
  constructor(private readonly starterUrl: URL) {}

  /** The next thread that somebody asks for: it starts, and loads ONNX Runtime, while other things are done. */
  startAhead(): void {
    const thread = this.#start();
    // Whoever asks next is given a thread that says itself why it cannot live.
    const gone = (): void => {
      if (this.#ahead === thread) this.#ahead = undefined;
    };
    thread.on('error', gone);
    thread.on('exit', gone);
    this.#ahead = thread;
    this.#hold();
  }

  /** A thread that waits to be told what to load. @throws Error where the system has no thread left. */
  open(): WorkerThread {
    const thread = this.#ahead ?? this.#start();
    this.#ahead = undefined;
    this.#hold();
    return thread;
  }

  /** Ends the thread that nobody has asked for, and the one that starts them once all have ended; whoever has the others ends those. */
  async close(): Promise<void> {
    const starter = this.#starter;
    if (!starter) return;
    this.#ahead?.postMessage('end');
    this.#ahead = undefined;
    this.#hold();
    await Promise.all([...this.#living.values()].map((thread) => new Promise((resolve) => thread.once('exit', resolve))));
    // It may have been what they ended with.
    if (this.#starter !== starter) return;
    starter.ref();
    const ended = new Promise((resolve) => starter.once('exit', resolve));
    starter.postMessage('end' satisfies StarterRequest);
    await ended;
  }

  #start(): StartedThread {
    const starter = (this.#starter ??= this.#startStarter());
    const { port1, port2 } = new MessageChannel();
    const id = this.#nextId++;
    const thread = new StartedThread(port1);
    this.#living.set(id, thread);
    starter.postMessage({ id, port: port2 } satisfies StarterRequest, [port2]);
    return thread;
  }

  #startStarter(): Worker {
    const starter = new Worker(this.starterUrl);
    let reason = 'the thread that starts the others ended';
    starter.on('message', (reply: StarterReply) => {
      if (reply.kind === 'failed') this.#living.get(reply.id)?.emit('error', reply.reason);
      else this.#end(reply.id, reply.code);
    });
    starter.on('error', (error: unknown) => (reason = reasonOf(error)));
    // Those that it has started end with it.
    starter.on('exit', (code) => {
      this.#starter = undefined;
      for (const [id, thread] of this.#living) {
        thread.emit('error', reason);
        this.#end(id, code);
      }
    });
    return starter;
  }

  #end(id: number, code: number): void {
    const thread = this.#living.get(id);
    this.#living.delete(id);
    thread?.end(code);
    this.#hold();
  }

  /** A process that has no other work goes on while there are threads that somebody has asked for. */
  #hold(): void {
    if (this.#living.size > (this.#ahead ? 1 : 0)) this.#starter?.ref();
    else this.#starter?.unref();
  }
}
