// What all models together may take: a load that would exceed it makes room, or is refused with the sum shown.
import { Inject, Injectable } from '@nestjs/common';
import { NestorError } from '../errors.js';
import { inMiB, sumOf, type Footprint } from './footprint.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';

/** Gives up what can be spared, one model at a time. @param missing bytes. @returns false where all of it would not be enough: then nothing is. */
export type MakeRoom = (missing: number) => Promise<boolean>;

/** A load that was refused. */
export class BudgetExceeded extends NestorError {
  constructor(
    message: string,
    readonly bytes: number,
  ) {
    super('MEMORY_BUDGET_EXCEEDED', message, { field: 'model' });
  }
}

@Injectable()
export class MemoryBudget {
  /** The process without models. */
  readonly #base = process.memoryUsage.rss();
  readonly #taken = new Map<symbol, { readonly name: string; readonly bytes: number }>();

  constructor(@Inject(MODEL_OPTIONS) private readonly options: ModelOptions) {}

  /** In bytes; undefined for no limit. */
  get limit(): number | undefined {
    const { memoryBudgetBytes = 0 } = this.options;
    return memoryBudgetBytes > 0 ? memoryBudgetBytes : undefined;
  }

  /** The process and its models, as they were reckoned. */
  get taken(): number {
    return [...this.#taken.values()].reduce((sum, { bytes }) => sum + bytes, this.#base);
  }

  /** Bytes that are to be given up before so many more can be taken. */
  missing(bytes: number): number {
    return Math.max(0, this.taken + bytes - (this.limit ?? Infinity));
  }

  /**
   * Takes a model's share, until the returned function is called.
   * @throws BudgetExceeded with the sum.
   */
  async reserve(name: string, footprint: Footprint, makeRoom: MakeRoom): Promise<() => void> {
    const bytes = sumOf(footprint);
    while (this.limit !== undefined && this.missing(bytes) > 0) {
      if (!(await makeRoom(this.missing(bytes)))) throw this.#exceeded(name, bytes, this.limit);
    }
    const share = Symbol(name);
    this.#taken.set(share, { name, bytes });
    return () => this.#taken.delete(share);
  }

  #exceeded(name: string, bytes: number, limit: number): BudgetExceeded {
    const others = [...this.#taken.values()].map((share) => `${share.name} ${inMiB(share.bytes)}`);
    const sum = [`the process ${inMiB(this.#base)}`, ...others, `${name} ${inMiB(bytes)}`].join(' + ');
    const message = `${sum} = ${inMiB(this.taken + bytes)}, more than MEMORY_BUDGET_BYTES, ${inMiB(limit)}`;
    return new BudgetExceeded(message, bytes);
  }
}
