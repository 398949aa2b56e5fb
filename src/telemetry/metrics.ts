// Every instrument in one table; each is recorded where the thing it counts happens.
import { Gauge, type Registry } from 'prom-client';
import { ERRORS } from '../errors.js';
import { Counter } from './counter.js';
import { Histogram } from './histogram.js';
import { recentProcessMemory } from './process-memory.js';

/** Ten a decade, each about a quarter above the last: a quantile read between two of them is off by a few per cent. */
const STEPS = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8];
/** Seconds, from a cache hit of 16 us to a minute. */
const SECONDS = [-5, -4, -3, -2, -1, 0, 1]
  .flatMap((decade) => STEPS.map((step) => Number(`${step}e${decade}`)))
  .filter((bound) => bound >= 16e-6 && bound <= 64);
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const RATIOS = [0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1];
const MODEL = ['model', 'version'] as const;

/** What is to be said of a queue when somebody looks. */
export interface QueueReport {
  readonly model: string;
  readonly version: string;
  /** Rows. */
  waiting: number;
  /** Since it had something to do. */
  tokensPerSecond?: number;
}

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
  readonly batchFailures;
  readonly workerRestarts;
  readonly modelLoadDuration;
  readonly modelLoadFailures;
  readonly modelMemory;
  readonly processMemory;
  readonly cacheRequests;
  readonly cacheDuration;
  readonly cacheSize;
  readonly cacheGarbage;
  readonly cacheSavedInference;
  readonly coalesced;
  readonly tenantRequests;
  readonly tenantItems;
  readonly tenantTokens;
  readonly tenantRejected;
  readonly quotasShared;
  readonly arrivingBytes;
  readonly inputBytes;
  readonly eventLoopDelay;
  readonly gpuUtilization;
  readonly gpuMemoryUsed;
  readonly gpuMemoryTotal;
  readonly gpuPower;
  readonly gpuTemperature;

  /** Called when they are read: whoever has figures that change more often than they are looked at. */
  readonly atScrape = new Set<() => void>();
  /** By version, whoever came first in front. */
  readonly #queues = new Map<string, Set<QueueReport>>();

  constructor(readonly registry: Registry) {
    const registers = [registry];
    const collect = (): void => {
      for (const queues of this.#queues.values()) this.#reportQueues([...queues]);
      for (const report of this.atScrape) report();
    };
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
    this.queueItems = new Gauge({ name: 'nestor_queue_items', help: 'Rows waiting for a batch.', labelNames: MODEL, collect, registers });
    this.drainRate = new Gauge({
      name: 'nestor_drain_rate_tokens_per_second',
      help: 'Tokens a second of batches that were full or left somebody waiting, padding apart; what Retry-After is reckoned from.',
      labelNames: MODEL,
      collect,
      registers,
    });
    this.rejected = new Counter({
      name: 'nestor_rejected_total',
      help: 'Requests that were not answered, by the code of their error.',
      labelNames: ['reason'] as const,
      registers,
    });
    // There from the start, at 0: Prometheus does not see the first of a series that was not there before.
    for (const reason of Object.keys(ERRORS)) this.rejected.labels(reason);
    const ofModels = (name: string, help: string) => new Counter({ name: `nestor_${name}_total`, help, labelNames: MODEL, registers });
    this.batchFailures = ofModels(
      'batch_failures',
      'Batches that failed; the items of one that the model refused run again, each by itself.',
    );
    this.workerRestarts = ofModels('worker_restarts', 'Worker threads that died and were started again.');
    this.modelLoadDuration = new Gauge({
      name: 'nestor_model_load_duration_seconds',
      help: 'Time to load and warm a model version.',
      labelNames: MODEL,
      registers,
    });
    this.modelLoadFailures = ofModels('model_load_failures', 'Model versions that could not be loaded; what served before them serves on.');
    this.modelMemory = new Gauge({
      name: 'nestor_model_memory_bytes',
      help: 'Weights that the instances of a model version map, and what the process grew by when it was loaded.',
      labelNames: [...MODEL, 'kind'] as const,
      registers,
    });
    this.processMemory = new Gauge({
      name: 'nestor_process_memory_bytes',
      help: 'Memory of the process: rss, pss and private as the kernel counts pages, heap, external and array buffers as V8 does, gpu as nvidia-smi does.',
      labelNames: ['kind'] as const,
      registers,
      async collect() {
        for (const [kind, bytes] of Object.entries(await recentProcessMemory()))
          this.set({ kind: kind.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) }, bytes as number);
      },
    });
    this.cacheRequests = new Counter({
      name: 'nestor_cache_requests_total',
      help: 'Keys that a tier was asked for, by what they stand for and what came of it: hit, miss or error.',
      labelNames: ['tier', 'level', 'result'] as const,
      registers,
    });
    this.cacheDuration = new Histogram({
      name: 'nestor_cache_duration_seconds',
      help: 'Time of one call of a tier, for however many keys.',
      labelNames: ['tier', 'operation'] as const,
      buckets: SECONDS,
      registers,
    });
    this.cacheSize = new Gauge({
      name: 'nestor_cache_size_bytes',
      help: 'Bytes of keys and values that a tier of this process, or of this machine, holds.',
      labelNames: ['tier'] as const,
      registers,
    });
    this.cacheGarbage = new Counter({
      name: 'nestor_cache_garbage_total',
      help: 'Values of a tier that were not what was written there, and counted as misses.',
      labelNames: ['tier'] as const,
      registers,
    });
    this.cacheSavedInference = new Counter({
      name: 'nestor_cache_saved_inference_seconds_total',
      help: 'Inference that hits and joined requests did without: their rows times the mean time of a row of this model.',
      labelNames: MODEL,
      registers,
    });
    this.coalesced = ofModels('coalesced', 'Inputs that joined an equal one in flight instead of being computed again.');
    const ofTenants = (name: string, help: string) =>
      new Counter({ name: `nestor_tenant_${name}_total`, help, labelNames: ['tenant', 'model'] as const, registers });
    this.tenantRequests = ofTenants('requests', 'Requests that were answered, computed or remembered.');
    this.tenantItems = ofTenants('items', 'Rows that were computed.');
    this.tenantTokens = ofTenants('tokens', 'Tokens that were computed, padding apart; rows where a model has no sequences.');
    this.tenantRejected = new Counter({
      name: 'nestor_tenant_rejected_total',
      help: 'Requests of a tenant that were not answered, by the code of their error.',
      labelNames: ['tenant', 'reason'] as const,
      registers,
    });
    this.quotasShared = new Gauge({
      name: 'nestor_quotas_shared',
      help: '1 while quotas are counted in Redis with the other processes, 0 while this process counts by itself.',
      labelNames: [] as const,
      collect,
      registers,
    });
    // prom-client begins with 0; only who counts with others says so.
    this.quotasShared.remove({});
    this.arrivingBytes = new Gauge({
      name: 'nestor_arriving_bytes',
      help: 'What has come of large bodies, and of messages of gRPC, whose end has not.',
      labelNames: [] as const,
      collect,
      registers,
    });
    this.inputBytes = new Gauge({
      name: 'nestor_input_bytes',
      help: 'What the inputs of requests that are being served hold, pictures as the tensors that they become.',
      labelNames: [] as const,
      collect,
      registers,
    });
    this.eventLoopDelay = new Histogram({
      name: 'nestor_event_loop_delay_seconds',
      help: 'How late the event loop was, looked at ten times a second.',
      labelNames: [] as const,
      buckets: SECONDS,
      registers,
    });
    const gpu = (name: string, help: string) => new Gauge({ name: `nestor_gpu_${name}`, help, labelNames: ['gpu'] as const, registers });
    this.gpuUtilization = gpu('utilization_ratio', 'Share of the time in which the GPU worked, as nvidia-smi has it.');
    this.gpuMemoryUsed = gpu('memory_used_bytes', 'Memory of the GPU that is in use, by whomever.');
    this.gpuMemoryTotal = gpu('memory_total_bytes', 'Memory of the GPU.');
    this.gpuPower = gpu('power_watts', 'Power that the GPU draws.');
    this.gpuTemperature = gpu('temperature_celsius', 'Temperature of the GPU.');
  }

  /**
   * Somebody reports under the labels of a model version: the one that serves, or one that is loaded to take over.
   * @returns what ends that; with the last of them the series of the version go off /metrics.
   */
  reports(queue: QueueReport): () => void {
    const { model, version } = queue;
    const name = `${model}/${version}`;
    const queues = this.#queues.get(name) ?? new Set<QueueReport>();
    this.#queues.set(name, queues.add(queue));
    return () => {
      queues.delete(queue);
      if (queues.size > 0) return;
      this.#queues.delete(name);
      for (const instrument of this.#ofModels) instrument.remove({ model, version });
      for (const kind of ['mapped', 'private']) this.modelMemory.remove({ model, version, kind });
    };
  }

  /** Those of one version: the rows of all, and the rate of the one that came first: others have run little but their warm-up until it has ended. */
  #reportQueues([serving, ...others]: readonly QueueReport[]): void {
    if (!serving) return;
    const { model, version, tokensPerSecond } = serving;
    this.queueItems.set(
      { model, version },
      others.reduce((sum, { waiting }) => sum + waiting, serving.waiting),
    );
    if (tokensPerSecond !== undefined) this.drainRate.set({ model, version }, tokensPerSecond);
  }

  /** The instruments that have a series for each model version. */
  get #ofModels(): readonly { remove(labels: { model: string; version: string }): void }[] {
    const { queueWait, preprocessDuration, inferenceDuration, batchItems, batchPaddingRatio, queueItems, drainRate } = this;
    const { batchFailures, workerRestarts, modelLoadDuration, cacheSavedInference, coalesced } = this;
    return [
      queueWait,
      preprocessDuration,
      inferenceDuration,
      batchItems,
      batchPaddingRatio,
      queueItems,
      drainRate,
      batchFailures,
      workerRestarts,
      modelLoadDuration,
      cacheSavedInference,
      coalesced,
    ];
  }
}
