// The runtime of the process: one budget of cores, and groups of instances on it.
import { Inject, Injectable, Logger } from '@nestjs/common';
import { Readiness } from '../health/readiness.js';
import { CoreBudget } from './core-budget.js';
import { InstanceGroup, type GroupEvents, type InstancePlan } from './instance-group.js';

/** Where the worker file is: compiled beside this one, or its source where Node runs TypeScript (in tests). */
export const WORKER_URL = Symbol('WORKER_URL');

export function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
}

@Injectable()
export class RuntimeService {
  readonly cores = new CoreBudget();
  readonly #logger = new Logger(RuntimeService.name);
  readonly #groups = new Set<InstanceGroup>();

  constructor(
    @Inject(WORKER_URL) private readonly worker: URL,
    private readonly readiness: Readiness,
  ) {
    // From 1.30 on ONNX Runtime for Linux writes a device id into the home folder and uploads what it ran, errors included, to Microsoft.
    // Read when the library is loaded, which the threads do; whoever wants it sets the variable to 0.
    process.env.ORT_DISABLE_TELEMETRY ??= '1';
  }

  group(plan: InstancePlan, events: Omit<GroupEvents, 'onUnfit'>): InstanceGroup {
    const onUnfit = (reason: string): void => {
      this.#logger.error(`${plan.modelPath}: the device failed for good, this process ends so that another takes its place: ${reason}`);
      this.readiness.condemn();
    };
    const group = new InstanceGroup(plan, this.worker, this.cores, { ...events, onUnfit });
    this.#groups.add(group);
    return group;
  }

  /** Ends the threads of every group, those that are still loading included. */
  async close(): Promise<void> {
    await Promise.all([...this.#groups].map((group) => group.close()));
  }
}
