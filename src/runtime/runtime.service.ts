// The runtime of the process: one budget of cores, and groups of instances on it.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable, Logger } from '@nestjs/common';
import { NestorError } from '../errors.js';
import { Readiness } from '../health/readiness.js';
import { CoreBudget } from './core-budget.js';
import { Instance, type InstanceOptions } from './instance.js';
import { InstanceGroup, type GroupEvents, type InstancePlan } from './instance-group.js';
import { withFastLayerNorms } from './layer-norms.js';
import { PREPARED, preparingOptions, sessionOptions } from './session-options.js';
import { WorkerThreads, type WorkerThread } from './worker-threads.js';

/** How a model is loaded that nobody asks. */
const ALONE = { intraOpThreads: 1, spinning: false };

/** What whoever has a model loaded is told of it. */
export type LoadEvents = Omit<GroupEvents, 'onFailing' | 'onUnfit'>;

/** Whoever has threads. */
type Threaded = Pick<InstanceGroup, 'close'>;

@Injectable()
export class RuntimeService {
  readonly cores = new CoreBudget();
  readonly #logger = new Logger(RuntimeService.name);
  readonly #open = new Set<Threaded>();
  #closed = false;
  readonly #openWorker = (): WorkerThread => this.threads.open();

  constructor(
    private readonly threads: WorkerThreads,
    private readonly readiness: Readiness,
  ) {}

  /** It starts no thread any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** @throws NestorError DRAINING once it is closed: a load that is still on its way would start threads that nobody ends. */
  group(plan: InstancePlan, events: LoadEvents): InstanceGroup {
    this.#checkOpen();
    const onUnfit = (reason: string): void => {
      this.#logger.error(`${plan.modelPath}: the device failed for good, this process ends so that another takes its place: ${reason}`);
      this.readiness.condemn();
    };
    const onFailing = (reason: string): void => {
      this.#logger.warn(`${plan.modelPath}: a lost thread did not come back, which is tried again: ${reason}`);
    };
    const group = new InstanceGroup(plan, this.#openWorker, this.cores, { ...events, onFailing, onUnfit });
    this.#open.add(group);
    return group;
  }

  /**
   * Has a model optimized, and written into a folder as a graph and its weights.
   * @throws Error with ONNX Runtime's reason when the model cannot be loaded or the folder not be written.
   */
  async prepare(plan: InstancePlan, folder: string, prepacked: boolean): Promise<void> {
    await this.#loadOnce(plan, preparingOptions({ ...plan, ...ALONE, prepared: false }, folder, prepacked));
    const graph = join(folder, PREPARED.graph);
    await writeFile(graph, withFastLayerNorms(await readFile(graph)));
  }

  /** Loads a model and lets it go. @throws Error with ONNX Runtime's reason when it cannot be loaded. */
  async probe(plan: InstancePlan): Promise<void> {
    await this.#loadOnce(plan, sessionOptions({ ...plan, ...ALONE }));
  }

  async #loadOnce({ modelPath, niceness }: InstancePlan, options: InstanceOptions['sessionOptions']): Promise<void> {
    this.#checkOpen();
    const nothing = (): void => undefined;
    const instance = new Instance({
      openWorker: this.#openWorker,
      modelPath,
      sessionOptions: options,
      threads: 1,
      niceness,
      onRestart: nothing,
      onLost: nothing,
      onFailing: nothing,
      onUnfit: nothing,
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

  /** Ends the threads of all, those that are still loading included, and starts no others. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.threads, ...this.#open].map((threads) => threads.close()));
  }

  #checkOpen(): void {
    if (this.#closed) throw new NestorError('DRAINING', 'The server is shutting down: no model is loaded any more');
  }
}
