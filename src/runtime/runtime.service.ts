// The runtime of the process: one budget of cores, and groups of instances on it.
import { Inject, Injectable } from '@nestjs/common';
import { CoreBudget } from './core-budget.js';
import { Instance } from './instance.js';
import { InstanceGroup, type GroupEvents, type InstancePlan } from './instance-group.js';
import { preparingOptions } from './session-options.js';

/** Where the worker file is: compiled beside this one, or its source where Node runs TypeScript (in tests). */
export const WORKER_URL = Symbol('WORKER_URL');

export function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
}

/** Whoever has threads. */
type Threaded = Pick<InstanceGroup, 'close'>;

@Injectable()
export class RuntimeService {
  readonly cores = new CoreBudget();
  readonly #open = new Set<Threaded>();

  constructor(@Inject(WORKER_URL) private readonly worker: URL) {}

  group(plan: InstancePlan, events: GroupEvents): InstanceGroup {
    const group = new InstanceGroup(plan, this.worker, this.cores, events);
    this.#open.add(group);
    return group;
  }

  /**
   * Has a model optimized, and written into a folder as a graph and its weights.
   * @throws Error with ONNX Runtime's reason when the model cannot be loaded or the folder not be written.
   */
  async prepare(plan: InstancePlan, folder: string, prepacked: boolean): Promise<void> {
    const { modelPath, niceness } = plan;
    const sessionOptions = preparingOptions({ ...plan, intraOpThreads: 1, spinning: false, prepared: false }, folder, prepacked);
    const nothing = (): void => undefined;
    const instance = new Instance({
      workerUrl: this.worker,
      modelPath,
      sessionOptions,
      threads: 1,
      niceness,
      onRestart: nothing,
      onLost: nothing,
    });
    this.#open.add(instance);
    try {
      await instance.start();
    } finally {
      await this.end(instance);
    }
  }

  /** Ends threads once they have finished what they were asked. */
  async end(threads: Threaded): Promise<void> {
    await threads.close();
    this.#open.delete(threads);
  }

  /** Ends the threads of all, those that are still loading included. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((threads) => threads.close()));
  }
}
