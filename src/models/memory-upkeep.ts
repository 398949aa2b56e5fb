// Gives memory back while the server runs: of models that nobody uses, and of instances that have grown.
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { reasonOf } from '../errors.js';
import { inMiB } from './footprint.js';
import { ModelManager } from './model-manager.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';

const EVERY_MS = 1000;
/** What fresh instances did not help against is not helped by more of them. */
const BETWEEN_RECYCLINGS_MS = 600_000;

@Injectable()
export class MemoryUpkeep {
  readonly #logger = new Logger(MemoryUpkeep.name);
  readonly #end = new AbortController();
  #nextRecycling = 0;

  constructor(
    @Inject(MODEL_OPTIONS) private readonly options: ModelOptions,
    private readonly manager: ModelManager,
  ) {}

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#end.abort();
  }

  async #run(): Promise<void> {
    const pause = (): Promise<boolean> => sleep(EVERY_MS, true, { signal: this.#end.signal, ref: false }).catch(() => false);
    while (await pause()) {
      this.manager.sweep();
      await this.#recycle();
    }
  }

  async #recycle(): Promise<void> {
    const { recycleAboveBytes = 0 } = this.options;
    const rss = process.memoryUsage.rss();
    if (recycleAboveBytes === 0 || rss <= recycleAboveBytes || performance.now() < this.#nextRecycling) return;
    this.#nextRecycling = performance.now() + BETWEEN_RECYCLINGS_MS;
    this.#logger.warn(`the process holds ${inMiB(rss)}, more than RECYCLE_ABOVE_BYTES: fresh instances take over`);
    await this.manager.recycle().catch((thrown: unknown) => {
      this.#logger.error(`the instances stay: ${reasonOf(thrown)}`);
    });
  }
}
