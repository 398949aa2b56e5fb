// The instruments of one model version, bound to its labels once instead of at every observation.
import type { Metrics, QueueReport } from './metrics.js';
import { ModelStatistics } from './model-statistics.js';

export class ModelMetrics {
  readonly statistics = new ModelStatistics();
  /** @param traceId of the request, where it is traced; here and below. */
  readonly queueWait: (seconds: number, traceId?: string) => void;
  readonly preprocess: (seconds: number) => void;
  readonly inference: (seconds: number, rows: number, traceId?: string) => void;
  readonly queueItems: (rows: number) => void;
  readonly drainRate: (tokensPerSecond: number) => void;
  readonly workerLost: () => void;
  readonly loaded: (seconds: number) => void;
  /** Rows that did not have to run. */
  readonly saved: (rows: number) => void;
  readonly coalesced: (inputs: number) => void;
  readonly batchFailed: () => void;
  readonly batch: (rows: number, paddingRatio: number) => void;
  /** @param mapped weights that its instances share, @param own what the process grew by when it was loaded; in bytes. */
  readonly memory: (mapped: number, own: number) => void;
  /** Reports no more; the series of the version go, unless another one of it reports. */
  readonly close: () => void;

  constructor(
    metrics: Metrics,
    readonly model: string,
    readonly version: string,
  ) {
    // Its figures change more often than they are looked at.
    const queue: QueueReport = { model, version, waiting: 0 };
    const wait = metrics.queueWait.labels(model, version);
    const preprocess = metrics.preprocessDuration.labels(model, version);
    const inference = metrics.inferenceDuration.labels(model, version);
    const items = metrics.batchItems.labels(model, version);
    const padding = metrics.batchPaddingRatio.labels(model, version);
    const saved = metrics.cacheSavedInference.labels(model, version);
    const coalesced = metrics.coalesced.labels(model, version);
    const failures = metrics.batchFailures.labels(model, version);
    const restarts = metrics.workerRestarts.labels(model, version);
    this.queueWait = (seconds, traceId) => {
      wait.observe(seconds, traceId);
    };
    this.preprocess = (seconds) => {
      preprocess.observe(seconds);
    };
    this.inference = (seconds, rows, traceId) => {
      inference.observe(seconds, traceId);
      this.statistics.ran(rows, seconds);
    };
    this.queueItems = (rows) => {
      queue.waiting = rows;
    };
    this.drainRate = (tokensPerSecond) => {
      queue.tokensPerSecond = tokensPerSecond;
    };
    this.batchFailed = () => {
      failures.inc();
    };
    this.workerLost = () => {
      restarts.inc();
    };
    this.loaded = (seconds) => {
      metrics.modelLoadDuration.set({ model, version }, seconds);
    };
    this.saved = (rows) => {
      const { busy, rows: ran } = this.statistics;
      if (ran > 0) saved.inc((rows * busy) / ran);
    };
    this.coalesced = (inputs) => {
      coalesced.inc(inputs);
    };
    this.batch = (rows, paddingRatio) => {
      items.observe(rows);
      padding.observe(paddingRatio);
    };
    this.memory = (mapped, own) => {
      metrics.modelMemory.set({ model, version, kind: 'mapped' }, mapped);
      metrics.modelMemory.set({ model, version, kind: 'private' }, own);
    };
    this.close = metrics.reports(queue);
  }
}
