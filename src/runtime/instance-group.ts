// All instances of one model version, and who may run next: a lone batch on all cores, a queue on one core each.
import type { Tensor } from '../tensor.js';
import type { CoreBudget } from './core-budget.js';
import { Instance, type InstanceOptions, type RunResult, type SessionMetadata } from './instance.js';
import { sessionOptions, type SessionPlan } from './session-options.js';

export interface InstancePlan extends Omit<SessionPlan, 'intraOpThreads' | 'spinning'> {
  readonly modelPath: string;
  /** Instances that share the queue. */
  readonly count: number;
  /** Intra-op threads of each of them. */
  readonly threads: number;
  /** One more instance on all cores, for a batch that has the machine to itself. */
  readonly wide: boolean;
  /** Added to the nice value of its threads. */
  readonly niceness: number;
  /** Where runs are shorter than this, an instance is given its next batch while it runs. */
  readonly aheadBelowSeconds: number;
}

/** Weight of the newest run in the mean. */
const RECENT = 0.1;

export interface GroupEvents extends Pick<InstanceOptions, 'onLost' | 'onFailing' | 'onUnfit'> {
  /** Called when a batch that had to wait may be tried again, or when there is no prospect left. */
  readonly onFree: () => void;
}

export class InstanceGroup {
  readonly #shared: Instance[];
  readonly #wide: Instance | undefined;
  /** Instances that have their cores: they run, or are about to. */
  readonly #seated: Instance[] = [];
  #waiting = false;
  #meanRunSeconds = 0;
  /** Cores that were waited for and not seated yet. */
  #reserved = 0;
  #closed = false;

  constructor(
    private readonly plan: InstancePlan,
    openWorker: InstanceOptions['openWorker'],
    private readonly cores: CoreBudget,
    private readonly events: GroupEvents,
  ) {
    const make = (threads: number, spinning: boolean): Instance =>
      new Instance({
        openWorker,
        modelPath: plan.modelPath,
        immutable: plan.prepared,
        sessionOptions: sessionOptions({ ...plan, intraOpThreads: threads, spinning }),
        threads: Math.min(threads, cores.total),
        niceness: plan.niceness,
        onLost: events.onLost,
        onFailing: events.onFailing,
        onUnfit: events.onUnfit,
        onRestart: events.onFree,
      });
    this.#shared = Array.from({ length: plan.count }, () => make(plan.threads, false));
    this.#wide = plan.wide ? make(cores.total, true) : undefined;
  }

  get #all(): Instance[] {
    return this.#wide ? [...this.#shared, this.#wide] : this.#shared;
  }

  /** Threads that serve, of those that should. */
  get alive(): { ready: number; wanted: number } {
    return { ready: this.#all.filter((instance) => instance.ready).length, wanted: this.#all.length };
  }

  /** False once no thread serves and a try to bring one back has failed, or all were told to end: waiting has no prospect. */
  get hopeful(): boolean {
    return !this.#closed && this.#all.some((instance) => instance.ready || !instance.failing);
  }

  /** A thread died and could not be brought back, which is tried again. */
  get failing(): boolean {
    return this.#all.some((instance) => instance.failing);
  }

  /** Instances that take from one queue. */
  get sharing(): number {
    return this.#shared.length;
  }

  get idle(): boolean {
    return this.#all.every((instance) => instance.runs === 0);
  }

  /** Loads the model into every instance. @throws Error with the reason when one of them cannot. */
  async start(): Promise<SessionMetadata> {
    const [first] = await Promise.all(this.#all.map((instance) => instance.start()));
    if (!first) throw new Error('a group without instances; this is a bug');
    return first;
  }

  /**
   * An instance that can take a batch now, or nothing; then `onFree` is called once that may have changed.
   * @param lone whether the batch is all there is to do.
   */
  seat(lone: boolean): Instance | undefined {
    if (lone && this.#wide?.ready && this.#seated.length === 0 && this.cores.tryTake(this.#wide.threads)) {
      this.#seated.push(this.#wide);
      return this.#wide;
    }
    const wideRuns = this.#wide !== undefined && this.#seated.includes(this.#wide);
    const rested = this.#shared.find((instance) => instance.ready && !this.#seated.includes(instance)) ?? this.#standIn;
    if (rested && !wideRuns) {
      if (this.#takeCores(rested.threads)) {
        this.#seated.push(rested);
        return rested;
      }
      this.#waitForCores(rested.threads);
    }
    if (this.cores.contended || this.#meanRunSeconds >= this.plan.aheadBelowSeconds) return undefined;
    return this.#shared.find((instance) => this.#seated.includes(instance) && instance.ready && instance.runs < 2);
  }

  /** The wide instance where no other is alive: a queue must not wait for those that may never come back. */
  get #standIn(): Instance | undefined {
    return this.#shared.some((instance) => instance.ready) || !this.#wide?.ready ? undefined : this.#wide;
  }

  /** Those that were waited for, where they are as many, else others that are free. */
  #takeCores(threads: number): boolean {
    const reserved = this.#reserved;
    this.#reserved = 0;
    if (reserved === threads) return true;
    if (reserved > 0) this.cores.give(reserved);
    return this.cores.tryTake(threads);
  }

  /** Gives a seat back that came to nothing. */
  leave(instance: Instance): void {
    if (instance.runs === 0) this.#unseat(instance);
    this.events.onFree();
  }

  /** Runs a batch on an instance that `seat` gave, and frees it afterwards. */
  async run(instance: Instance, inputs: readonly Tensor[], fetches: readonly string[]): Promise<RunResult> {
    try {
      const result = await instance.run(inputs, fetches);
      this.#meanRunSeconds += (result.seconds - this.#meanRunSeconds) * RECENT;
      return result;
    } finally {
      this.leave(instance);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#all.map((instance) => instance.close()));
  }

  #unseat(instance: Instance): void {
    const seat = this.#seated.indexOf(instance);
    if (seat < 0) return;
    this.#seated.splice(seat, 1);
    this.cores.give(instance.threads);
  }

  /** Queues once for cores; when they come they are offered to the queue, and given on if nothing waits any more. */
  #waitForCores(threads: number): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.cores.take(threads, () => {
      this.#waiting = false;
      this.#reserved = threads;
      this.events.onFree();
      const unused = this.#reserved;
      this.#reserved = 0;
      if (unused > 0) this.cores.give(unused);
    });
  }
}
