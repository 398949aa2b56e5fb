// The queues of all models: one a model version.
import { Injectable } from '@nestjs/common';
import type { ModelMetrics } from '../telemetry/model-metrics.js';
import { Batcher, type BatchingPolicy, type Runner } from './batcher.js';
import type { Layout } from './layout.js';

@Injectable()
export class BatchingService {
  readonly #batchers = new Set<Batcher>();

  open(policy: BatchingPolicy, layout: Layout, runner: Runner, metrics: ModelMetrics): Batcher {
    const batcher = new Batcher(policy, layout, runner, metrics);
    this.#batchers.add(batcher);
    return batcher;
  }

  close(batcher: Batcher): void {
    this.#batchers.delete(batcher);
  }

  /** Resolves once every queue is empty and no batch runs. */
  async drained(): Promise<void> {
    await Promise.all([...this.#batchers].map((batcher) => batcher.drained()));
  }
}
