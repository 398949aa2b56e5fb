// Batches that failed though what is in them may be right: nobody but an operator would hear of it, since each item runs again by itself.
import { Logger } from '@nestjs/common';
import { reasonOf, type NestorError } from '../errors.js';
import type { ModelMetrics } from '../telemetry/model-metrics.js';

/** A model that refuses every batch refuses hundreds a second. */
const QUIET_MS = 60_000;

export class BatchFailures {
  readonly #logger = new Logger('Batching');
  #quietUntil = -Infinity;
  /** Since the last warning. */
  #unsaid = 0;

  constructor(private readonly metrics: Pick<ModelMetrics, 'model' | 'version'>) {}

  /** Warns, once a minute at most. */
  isolated(items: number, error: NestorError): void {
    const now = performance.now();
    if (now < this.#quietUntil) {
      this.#unsaid += 1;
      return;
    }
    const { model, version } = this.metrics;
    const before = this.#unsaid > 0 ? ` (${this.#unsaid} more batches since the last of these warnings)` : '';
    this.#logger.warn(
      `${model}/${version}: a batch of ${items} items failed, and each of them runs again by itself${before}: ${reasonOf(error.cause ?? error)}`,
    );
    this.#quietUntil = now + QUIET_MS;
    this.#unsaid = 0;
  }
}
