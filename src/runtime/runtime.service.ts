// The runtime of the process: one budget of cores, and groups of instances on it.
import { Inject, Injectable } from '@nestjs/common';
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
  readonly #groups = new Set<InstanceGroup>();

  constructor(@Inject(WORKER_URL) private readonly worker: URL) {}

  group(plan: InstancePlan, events: GroupEvents): InstanceGroup {
    const group = new InstanceGroup(plan, this.worker, this.cores, events);
    this.#groups.add(group);
    return group;
  }

  /** Ends the threads of every group, those that are still loading included. */
  async close(): Promise<void> {
    await Promise.all([...this.#groups].map((group) => group.close()));
  }
}
