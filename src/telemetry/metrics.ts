// Every instrument in one table; each is recorded where the thing it counts happens.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { processMemory } from './process-memory.js';

/** Seconds, from a cache hit to the slowest acceptable answer: 15 us x 2^n up to about a minute. */
const SECONDS = Array.from({ length: 23 }, (_, n) => Number((15e-6 * 2 ** n).toPrecision(3)));
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const RATIOS = [0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1];
const MODEL = ['model', 'version'] as const;

/** All of Nestor's instruments on one registry. Labels are bounded: route templates and names of models that exist. */
export class Metrics {
  readonly requestDuration;
  readonly queueWait;
  readonly preprocessDuration;
  readonly inferenceDuration;
  readonly batchItems;
  readonly batchPaddingRatio;
  readonly queueItems;
  readonly drainRate;
  readonly rejected;
  readonly workerRestarts;
  readonly modelLoadDuration;
  readonly modelLoadFailures;
  readonly modelMemory;
  readonly processMemory;

  constructor(readonly registry: Registry) {
    const registers = [registry];
    this.requestDuration = new Histogram({
      name: 'nestor_request_duration_seconds',
      help: 'Time from the first byte of a request to the last of its answer.',
      labelNames: ['route', 'status'] as const,
      buckets: SECONDS,
      registers,
    });
    this.queueWait = new Histogram({
      name: 'nestor_queue_wait_seconds',
      help: 'Time that an item waited for a batch.',
      labelNames: MODEL,
      buckets: SECONDS,
      registers,
    });
    this.preprocessDuration = new Histogram({
      name: 'nestor_preprocess_duration_seconds',
      help: 'Time from a decoded request to tensors: tokenization, image decoding.',
      labelNames: MODEL,
      buckets: SECONDS,
      registers,
    });
    this.inferenceDuration = new Histogram({
      name: 'nestor_inference_duration_seconds',
      help: 'Time of one run of ONNX Runtime, measured in the worker.',
      labelNames: MODEL,
      buckets: SECONDS,
      registers,
    });
    this.batchItems = new Histogram({
      name: 'nestor_batch_items',
      help: 'Rows that travelled in one batch.',
      labelNames: MODEL,
      buckets: COUNTS,
      registers,
    });
    this.batchPaddingRatio = new Histogram({
      name: 'nestor_batch_padding_ratio',
      help: 'Share of a batch that is padding.',
      labelNames: MODEL,
      buckets: RATIOS,
      registers,
    });
    this.queueItems = new Gauge({ name: 'nestor_queue_items', help: 'Rows waiting for a batch.', labelNames: MODEL, registers });
    this.drainRate = new Gauge({
      name: 'nestor_drain_rate_tokens_per_second',
      help: 'Work that left the queue a second while there was some, padding apart; what Retry-After is reckoned from.',
      labelNames: MODEL,
      registers,
    });
    this.rejected = new Counter({
      name: 'nestor_rejected_total',
      help: 'Requests that were not answered, by the code of their error.',
      labelNames: ['reason'] as const,
      registers,
    });
    this.workerRestarts = new Counter({
      name: 'nestor_worker_restarts_total',
      help: 'Worker threads that died and were started again.',
      labelNames: MODEL,
      registers,
    });
    this.modelLoadDuration = new Gauge({
      name: 'nestor_model_load_duration_seconds',
      help: 'Time to load and warm a model version.',
      labelNames: MODEL,
      registers,
    });
    this.modelLoadFailures = new Counter({
      name: 'nestor_model_load_failures_total',
      help: 'Model versions that could not be loaded; what served before them serves on.',
      labelNames: MODEL,
      registers,
    });
    this.modelMemory = new Gauge({
      name: 'nestor_model_memory_bytes',
      help: 'Weights that the instances of a model version map, and what the process grew by when it was loaded.',
      labelNames: [...MODEL, 'kind'] as const,
      registers,
    });
    this.processMemory = new Gauge({
      name: 'nestor_process_memory_bytes',
      help: 'Memory of the process: rss, pss and private as the kernel counts pages, heap, external and array buffers as V8 does.',
      labelNames: ['kind'] as const,
      registers,
      async collect() {
        for (const [kind, bytes] of Object.entries(await processMemory()))
          this.set({ kind: kind.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) }, bytes as number);
      },
    });
  }

  /** The instruments that have a series for each model version. */
  get ofModels(): readonly { remove(labels: { model: string; version: string }): void }[] {
    const { queueWait, preprocessDuration, inferenceDuration, batchItems, batchPaddingRatio, queueItems, drainRate } = this;
    const { workerRestarts, modelLoadDuration } = this;
    return [
      queueWait,
      preprocessDuration,
      inferenceDuration,
      batchItems,
      batchPaddingRatio,
      queueItems,
      drainRate,
      workerRestarts,
      modelLoadDuration,
    ];
  }
}
