// The instruments of one model version, bound to its labels once instead of at every observation.
import type { Metrics } from './metrics.js';
import { ModelStatistics } from './model-statistics.js';

export class ModelMetrics {
  readonly statistics = new ModelStatistics();
  readonly queueWait: (seconds: number) => void;
  readonly preprocess: (seconds: number) => void;
  readonly inference: (seconds: number, rows: number) => void;
  readonly queueItems: (rows: number) => void;
  readonly drainRate: (tokensPerSecond: number) => void;
  readonly workerLost: () => void;
  readonly loaded: (seconds: number) => void;
  readonly batch: (rows: number, paddingRatio: number) => void;
  /** @param mapped weights that its instances share, @param own what the process grew by when it was loaded; in bytes. */
  readonly memory: (mapped: number, own: number) => void;
  /** Takes the series of a version that is gone off /metrics. */
  readonly forget: () => void;

  constructor(metrics: Metrics, model: string, version: string) {
    const wait = metrics.queueWait.labels(model, version);
    const preprocess = metrics.preprocessDuration.labels(model, version);
    const inference = metrics.inferenceDuration.labels(model, version);
    const items = metrics.batchItems.labels(model, version);
    const padding = metrics.batchPaddingRatio.labels(model, version);
    const drain = metrics.drainRate.labels(model, version);
    const queue = metrics.queueItems.labels(model, version);
    this.queueWait = (seconds) => {
      wait.observe(seconds);
    };
    this.preprocess = (seconds) => {
      preprocess.observe(seconds);
    };
    this.inference = (seconds, rows) => {
      inference.observe(seconds);
      this.statistics.ran(rows, seconds);
    };
    this.queueItems = (rows) => {
      queue.set(rows);
    };
    this.drainRate = (tokensPerSecond) => {
      drain.set(tokensPerSecond);
    };
    this.workerLost = () => {
      metrics.workerRestarts.inc({ model, version });
    };
    this.loaded = (seconds) => {
      metrics.modelLoadDuration.set({ model, version }, seconds);
    };
    this.batch = (rows, paddingRatio) => {
      items.observe(rows);
      padding.observe(paddingRatio);
    };
    this.memory = (mapped, own) => {
      metrics.modelMemory.set({ model, version, kind: 'mapped' }, mapped);
      metrics.modelMemory.set({ model, version, kind: 'private' }, own);
    };
    this.forget = () => {
      for (const instrument of metrics.ofModels) instrument.remove({ model, version });
      for (const kind of ['mapped', 'private']) metrics.modelMemory.remove({ model, version, kind });
    };
  }
}
