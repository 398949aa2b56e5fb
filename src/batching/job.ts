// A request in the queue: done when all its items are, failed when one of them is.
import { NestorError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import type { Entry, Flow } from './backlog.js';
import {
  bytesOf,
  bytesOfTensors,
  costOf,
  EVERYBODY,
  MOST_OUTPUT_BYTES,
  tooMuchOutput,
  USUAL_URGENCY,
  type Item,
  type JobOptions,
  type JobResult,
  type Share,
} from './item.js';

/** An item in the queue of a model. */
export interface JobEntry extends Entry {
  readonly flow: Job;
  readonly index: number;
  readonly enqueuedAt: number;
}

export class Job implements Flow {
  finish = 0;
  waiting = 0;
  atOnce = false;
  /** Called once the job is settled: its deadline and its client, who may ask many more things, hold it no longer. */
  unwatch: (() => void) | undefined;
  readonly items: number;
  readonly tokens: number;
  readonly urgency: number;
  readonly share: Share;
  readonly entries: JobEntry[];
  readonly #outputs: (readonly Tensor[])[] = [];
  #outputBytes = 0;
  #missing: number;
  #queueSeconds = 0;
  #inferenceSeconds = 0;
  #begun = false;
  #settled = false;

  constructor(
    items: readonly Item[],
    readonly options: JobOptions,
    now: number,
    aloneFromBytes: number,
    private readonly resolve: (result: JobResult) => void,
    private readonly reject: (reason: NestorError) => void,
  ) {
    this.items = items.length;
    this.tokens = items.reduce((sum, item) => sum + costOf(item), 0);
    this.urgency = options.urgency ?? USUAL_URGENCY;
    this.share = options.share ?? EVERYBODY;
    this.#missing = items.length;
    const wanted = options.outputs.join();
    let kind = '';
    this.entries = items.map((item, index) => ({
      item,
      // One text for all of a kind: of thousands each would be hashed anew.
      kind: item.kind === items[index - 1]?.kind ? kind : (kind = `${item.kind}>${wanted}`),
      index,
      flow: this,
      enqueuedAt: now,
      order: 0,
      turn: 0,
      places: undefined,
      alone: item.masked === true || bytesOf(item) >= aloneFromBytes,
    }));
  }

  /** Nobody waits for it any more. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Something of it has left the queue. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Its item once more, to travel alone: what the queue still holds of the first try must not change under it. */
  isolate(entry: JobEntry): JobEntry {
    const again = { ...entry, alone: true };
    this.entries[entry.index] = again;
    return again;
  }

  /** Notes how long an item waited. */
  departed(queueSeconds: number): void {
    this.#begun = true;
    this.#queueSeconds = Math.max(this.#queueSeconds, queueSeconds);
  }

  /** Takes the outputs of one item; the last of them settles the job. */
  arrived(index: number, outputs: readonly Tensor[], inferenceSeconds: number): void {
    if (this.#settled) return;
    let kept: readonly Tensor[];
    try {
      kept = this.options.keep?.(outputs, index) ?? outputs;
    } catch (cause) {
      // Its batch mates have nothing to do with it.
      this.fail(new NestorError('INTERNAL', 'Something went wrong in the server', { cause }));
      return;
    }
    this.#outputs[index] = kept;
    // What a signature leaves open, such as the size of a picture, is known only now.
    this.#outputBytes += bytesOfTensors(kept);
    if (this.#outputBytes > MOST_OUTPUT_BYTES) {
      this.fail(tooMuchOutput(`at least ${this.#outputBytes}`));
      return;
    }
    this.#inferenceSeconds = Math.max(this.#inferenceSeconds, inferenceSeconds);
    this.#missing -= 1;
    if (this.#missing > 0) return;
    this.#settle();
    this.resolve({ outputs: this.#outputs, queueSeconds: this.#queueSeconds, inferenceSeconds: this.#inferenceSeconds });
  }

  fail(reason: NestorError): void {
    if (this.#settled) return;
    this.#settle();
    // Batches that still run refer to it.
    this.#outputs.length = 0;
    this.reject(reason);
  }

  #settle(): void {
    this.#settled = true;
    this.options.timeline?.settled(performance.now());
    this.unwatch?.();
  }
}
