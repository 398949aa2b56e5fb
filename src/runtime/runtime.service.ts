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

  constructor(@Inject(WORKER_URL) private readonly worker: URL) {}

  group(plan: InstancePlan, events: GroupEvents): InstanceGroup {
    return new InstanceGroup(plan, this.worker, this.cores, events);
  }
}
