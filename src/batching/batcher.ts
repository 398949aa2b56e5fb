// The queue of one model version: admits jobs, forms batches when an instance is free, fans the outputs out.
import { atDeadline } from '../deadline.js';
import { NestorError, type ErrorCode } from '../errors.js';
import type { Instance } from '../runtime/instance.js';
import type { InstanceGroup } from '../runtime/instance-group.js';
import type { ModelMetrics } from '../telemetry/model-metrics.js';
import { recordRun, type BatchRun } from '../telemetry/timeline.js';
import { Admission, type Asking, type Room } from './admission.js';
import { BatchFailures } from './batch-failures.js';
import { DrainRate } from './drain-rate.js';
import { totalOf, type Item, type JobOptions, type JobResult } from './item.js';
import { Job, type JobEntry } from './job.js';
import { arrange, type Arrangement } from './arrangement.js';
import type { Layout } from './layout.js';
import { fills, type PackingPolicy } from './packing.js';
import { Queue } from './queue.js';
import { RowPace } from './row-pace.js';

export interface BatchingPolicy extends PackingPolicy, Room {
  /** How long an instance may wait for company before it takes a batch that is not full, in milliseconds. */
  readonly maxDelayMs: number;
  /** An item whose inputs have so many bytes travels alone. */
  readonly aloneFromBytes: number;
}

/** Weight of the newest request in the share that found company. */
const RECENT = 0.05;

/**
 * From this share on nobody counts as alone. At half the capacity a request that takes all cores keeps the next one waiting: Poisson
 * arrivals of 204 texts/s on two cores had a p99 of 43 to 46 ms without it and 58 to 60 with it, spinning (all-minilm-l6-v2).
 */
const CROWDED = 0.25;

/** Runs the batches of a model; the part of an instance group that the queue needs. */
export type Runner = Pick<InstanceGroup, 'seat' | 'leave' | 'run' | 'hopeful' | 'idle' | 'sharing'>;

export class Batcher {
  readonly #packing: PackingPolicy;
  readonly #queue: Queue<JobEntry>;
  readonly #drainRate = new DrainRate();
  readonly #admission: Admission;
  readonly #failures: BatchFailures;
  #running = 0;
  /** Share of recent requests that found others before them. */
  #crowding = 0;
  #busySince = 0;
  readonly #rowPace = new RowPace();
  readonly #idleListeners: (() => void)[] = [];
  #pumping = false;
  #delay: NodeJS.Timeout | undefined;
  /** Until then what waits may wait for company; something that has left may have made it too soon. */
  #leavesAt = Infinity;

  constructor(
    readonly policy: BatchingPolicy,
    private readonly layout: Layout,
    private readonly runner: Runner,
    private readonly metrics: ModelMetrics,
  ) {
    this.#packing = layout.batches ? policy : { ...policy, maxRows: 1 };
    this.#queue = new Queue(this.#packing);
    this.#admission = new Admission(policy, this.#queue, this.#drainRate);
    this.#failures = new BatchFailures(metrics);
  }

  /** Nothing waits and nothing runs. */
  get idle(): boolean {
    return this.#queue.empty && this.#running === 0;
  }

  /**
   * Queues the items of a request and resolves with the outputs of each.
   * @throws NestorError QUEUE_FULL or DEADLINE_EXCEEDED at once when it cannot be served, MODEL_NOT_READY, CANCELLED,
   * DEADLINE_EXCEEDED, WORKER_LOST or INFERENCE_FAILED later.
   */
  submit(items: readonly Item[], options: JobOptions): Promise<JobResult> {
    if (items.length === 0) return Promise.resolve({ outputs: [], queueSeconds: 0, inferenceSeconds: 0 });
    return new Promise((resolve, reject) => {
      const now = performance.now();
      const { rows, tokens } = totalOf(items);
      if (!options.admitted && !options.unlimited) this.admit(rows, tokens, options);
      this.#crowding += ((this.idle ? 0 : 1) - this.#crowding) * RECENT;
      const job = new Job(items, options, now, this.policy.aloneFromBytes, resolve, reject);
      options.timeline?.enqueued(now, this.#queue.rows, this.metrics);
      this.#watch(job);
      for (const entry of job.entries) this.#add(entry);
      if (this.#busySince === 0) this.#busySince = now;
      this.#pumpSoon();
    });
  }

  /** Gives waiting batches to free instances; called whenever either may have come. */
  pump(): void {
    if (!this.runner.hopeful) this.#abandon();
    // Sequences are split by their tokens.
    const worthARun = this.layout.paddedInputs.size > 0 ? Infinity : this.#rowPace.worthARun;
    while (!this.#queue.empty && !this.#awaitsCompany()) {
      const instance = this.runner.seat(this.#queue.lone && this.#crowding < CROWDED);
      if (!instance) break;
      const batch = this.#queue.next(this.runner.sharing, worthARun);
      // Cores that came while it asked for some were offered to this queue, and may have emptied it.
      if (batch.length === 0) {
        this.runner.leave(instance);
        break;
      }
      void this.#run(instance, batch);
    }
    this.metrics.queueItems(this.#queue.rows);
  }

  /** After what has arrived in this turn of the event loop: what came together travels together. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.pump();
    });
  }

  /** A batch that is not full may wait for company, where the policy wants it; then the queue is looked at again in time. */
  #awaitsCompany(): boolean {
    const { maxDelayMs, maxRows, maxTokens } = this.policy;
    if (maxDelayMs === 0 || !this.layout.batches || this.#queue.rows >= maxRows || this.#queue.tokens >= maxTokens) return false;
    const now = performance.now();
    // Who wanted that may have left since.
    if (this.#leavesAt <= now)
      this.#leavesAt = this.#queue.entries.reduce((first, entry) => Math.min(first, this.#waitsUntil(entry)), Infinity);
    const remaining = this.#leavesAt - now;
    if (remaining <= 0) return false;
    clearTimeout(this.#delay);
    this.#delay = setTimeout(() => {
      this.pump();
    }, remaining);
    return true;
  }

  /** How long an item waits for company: not at all where it can have none, and half of its time at most, so that some is left for its run. */
  #waitsUntil({ alone, enqueuedAt, flow }: JobEntry): number {
    if (alone) return enqueuedAt;
    const { deadline = Infinity } = flow.options;
    return enqueuedAt + Math.min(this.policy.maxDelayMs, (deadline - enqueuedAt) / 2);
  }

  #add(entry: JobEntry): void {
    this.#queue.add(entry);
    if (this.policy.maxDelayMs > 0) this.#leavesAt = Math.min(this.#leavesAt, this.#waitsUntil(entry));
  }

  /**
   * Refuses what has no prospect: at once with the least that it can cost, before work is done for it, and when its cost is known.
   * @throws NestorError QUEUE_FULL, PAYLOAD_TOO_LARGE, DEADLINE_EXCEEDED, MODEL_NOT_READY, CANCELLED
   */
  admit(rows: number, tokens: number, asking: Asking & Pick<JobOptions, 'signal'>): void {
    if (asking.signal?.aborted) throw new NestorError('CANCELLED', 'The client went away');
    if (!this.runner.hopeful) throw notReady();
    this.#admission.check(rows, tokens, asking);
  }

  /** Refuses what the queue may never hold. @throws NestorError PAYLOAD_TOO_LARGE */
  checkSize(rows: number, tokens: number): void {
    this.#admission.checkSize(rows, tokens);
  }

  #watch(job: Job): void {
    const { signal, deadline } = job.options;
    const fail = (reason: NestorError): void => {
      job.fail(reason);
      this.#forget(job);
    };
    const leave = (code: ErrorCode, message: string) => (): void => {
      fail(new NestorError(code, message));
    };
    const giveUp = (): void => {
      if (!job.begun) fail(this.#admission.overdue(job.options, job.tokens));
    };
    const cancel = leave('CANCELLED', 'The client went away');
    signal?.addEventListener('abort', cancel, { once: true });
    const timer = atDeadline(deadline, leave('DEADLINE_EXCEEDED', 'The deadline passed before the answer was there'));
    const patience = job.options.unlimited ? undefined : atDeadline(performance.now() + this.policy.queueTimeoutMs, giveUp);
    const unwatch = (): void => {
      clearTimeout(timer);
      clearTimeout(patience);
      signal?.removeEventListener('abort', cancel);
    };
    // By way of a constant: V8 makes a function that is written into a property old at once, and all that it refers to lives until the whole
    // heap is looked through: 2.7 kB a request.
    job.unwatch = unwatch;
  }

  /** Takes what is left of a job out of the queue; what runs goes on, its batch mates never notice. */
  #forget(job: Job): void {
    for (const entry of job.entries) this.#queue.remove(entry);
    this.metrics.queueItems(this.#queue.rows);
    if (!this.idle) return;
    this.#busySince = 0;
    for (const listener of this.#idleListeners.splice(0)) listener();
  }

  async #run(instance: Instance, batch: readonly JobEntry[]): Promise<void> {
    const items = batch.map((entry) => entry.item);
    const saturated = !this.#queue.empty || fills(batch, this.#packing);
    this.#drainRate.departs(saturated);
    const now = performance.now();
    for (const { flow, enqueuedAt } of batch) {
      const waited = (now - enqueuedAt) / 1000;
      const { timeline } = flow.options;
      flow.departed(waited);
      timeline?.departed(now);
      this.metrics.queueWait(waited, timeline?.trace?.id);
    }
    this.#running += 1;
    const outputs = batch[0]?.flow.options.outputs ?? [];
    let paddingRatio = 0;
    try {
      const { batch: tensors, split } = this.#arrange(items, instance);
      ({ paddingRatio } = tensors);
      this.metrics.batch(tensors.rows, paddingRatio);
      const result = await this.runner.run(instance, tensors.inputs, outputs);
      const parts = split(result.outputs);
      this.#rowPace.ran(tensors.rows, result.seconds);
      const traceId = this.#record(batch, { departedAt: now, seconds: result.seconds, paddingRatio });
      this.metrics.inference(result.seconds, tensors.rows, traceId);
      batch.forEach(({ flow, index }, place) => {
        flow.arrived(index, parts[place] ?? [], result.seconds);
      });
    } catch (thrown) {
      const reason =
        thrown instanceof NestorError ? thrown : new NestorError('INTERNAL', 'Something went wrong in the server', { cause: thrown });
      this.#record(batch, { departedAt: now, seconds: 0, paddingRatio, failure: reason.code });
      this.metrics.batchFailed();
      if (reason.code === 'INFERENCE_FAILED' && batch.length > 1) this.#isolate(batch, reason);
      else for (const { flow } of batch) flow.fail(this.#inProspect(reason));
    } finally {
      this.#running -= 1;
      this.#account(items, saturated);
      for (const job of new Set(batch.map((entry) => entry.flow))) if (job.settled) this.#forget(job);
    }
  }

  /** @returns the trace of one of the requests, where one is traced. */
  #record(batch: readonly JobEntry[], run: Pick<BatchRun, 'departedAt' | 'seconds' | 'paddingRatio' | 'failure'>): string | undefined {
    const { model, version } = this.metrics;
    const members = new Set(batch.flatMap(({ flow }) => flow.options.timeline ?? []));
    const { rows, tokens } = totalOf(batch.map(({ item }) => item));
    const company = { rows, requests: members.size, items: batch.length, tokens };
    return recordRun({ ...run, model, version, returnedAt: performance.now(), ...company }, members);
  }

  /** A batch that cannot be put together, for want of memory perhaps, must not keep its seat. */
  #arrange(items: readonly Item[], instance: Instance): Arrangement {
    try {
      return arrange(items, this.layout);
    } catch (thrown) {
      this.runner.leave(instance);
      throw thrown;
    }
  }

  /** Resolves once nothing waits and nothing runs. */
  async drained(): Promise<void> {
    if (!this.idle) await new Promise<void>((resolve) => this.#idleListeners.push(resolve));
  }

  /** One of them is to blame, and the others must not pay for it: each gets another run of its own. */
  #isolate(batch: readonly JobEntry[], reason: NestorError): void {
    this.#failures.isolated(batch.length, reason);
    for (const entry of batch) if (!entry.flow.settled) this.#add(entry.flow.isolate(entry));
    this.pump();
  }

  /** @param saturated it was as full as batches become: others say nothing of how fast a queue drains. */
  #account(items: readonly Item[], saturated: boolean): void {
    const now = performance.now();
    this.#drainRate.ends(saturated, totalOf(items).tokens, (now - this.#busySince) / 1000);
    if (this.#drainRate.known) this.metrics.drainRate(this.#drainRate.tokensPerSecond);
    this.#busySince = this.idle ? 0 : now;
  }

  /** Who lost a worker is told to try again soon, unless none is left or comes back. */
  #inProspect(reason: NestorError): NestorError {
    return reason.code === 'WORKER_LOST' && !this.runner.hopeful ? notReady(reason.cause) : reason;
  }

  /** With no instance left and none coming back, waiting would be for ever. */
  #abandon(): void {
    for (const { flow } of this.#queue.entries) {
      if (flow.settled) continue;
      flow.fail(notReady());
      this.#forget(flow);
    }
  }
}

function notReady(cause?: unknown): NestorError {
  return new NestorError('MODEL_NOT_READY', 'No worker of the model is alive; they are being restarted', { retryAfter: 5, cause });
}
