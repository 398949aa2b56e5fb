// Looks at the repository from time to time, and has loaded what has changed.
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { NestorError, reasonOf } from '../errors.js';
import { ModelManager } from './model-manager.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';
import { RepositoryWatch } from './repository-watch.js';

@Injectable()
export class RepositoryPoll {
  readonly #logger = new Logger(RepositoryPoll.name);
  readonly #watch: RepositoryWatch;
  readonly #end = new AbortController();
  /** Models whose last change could not be followed. */
  readonly #failed = new Set<string>();

  constructor(
    @Inject(MODEL_OPTIONS) private readonly options: ModelOptions,
    private readonly manager: ModelManager,
  ) {
    this.#watch = new RepositoryWatch(options.repository);
  }

  /** Before the models are loaded, so that what changes meanwhile is seen. */
  async begin(): Promise<void> {
    if (this.options.pollSeconds) await this.#watch.begin();
  }

  /** @param failed what was thrown for the models that could not be loaded, by name. */
  start(failed: ReadonlyMap<string, unknown>): void {
    if (!this.options.pollSeconds) return;
    this.#note(failed);
    void this.#run(this.options.pollSeconds * 1000);
  }

  stop(): void {
    this.#end.abort();
  }

  async #run(everyMs: number): Promise<void> {
    const pause = (): Promise<boolean> => sleep(everyMs, true, { signal: this.#end.signal, ref: false }).catch(() => false);
    while (await pause()) await this.#look();
  }

  async #look(): Promise<void> {
    try {
      // A load reads all that it needs before it is refused: not with every look, nor again while that is still written.
      for (const name of this.manager.fitting) this.#watch.again(name);
      const failed = new Map<string, unknown>();
      for (const name of await this.#watch.changed()) {
        this.#failed.delete(name);
        await this.manager.refresh(name).catch((thrown: unknown) => failed.set(name, thrown));
      }
      this.#note(failed);
    } catch (thrown) {
      this.#tryAgain();
      this.#logger.warn(`${reasonOf(thrown)}; everything serves on`);
    }
  }

  /** One that cannot be loaded is in the log and in the index, and the others go on; what is no failure of a load says that the repository was away. */
  #note(failed: ReadonlyMap<string, unknown>): void {
    for (const name of failed.keys()) this.#failed.add(name);
    if ([...failed.values()].some((thrown) => !(thrown instanceof NestorError))) this.#tryAgain();
  }

  /** With the repository away: it may have been going when they were read. */
  #tryAgain(): void {
    for (const name of this.#failed) this.#watch.again(name);
  }
}
