// The models of the repository: which are loaded, unloaded and exchanged when, one thing at a time for each name.
import { Inject, Injectable, Logger } from '@nestjs/common';
import { NestorError, reasonOf } from '../errors.js';
import { DormantModels } from './dormant.js';
import { IdleModels } from './idle-models.js';
import { inTime } from './in-time.js';
import { Lease } from './lease.js';
import type { Model } from './model.js';
import { sumOf } from './footprint.js';
import { BudgetExceeded, MemoryBudget, type MakeRoom } from './memory-budget.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';
import { ModelRegistry } from './model-registry.js';
import { ModelRollout } from './model-rollout.js';
import { ModelSource } from './model-source.js';
import type { ModelState } from './model-states.js';
import { passedOver } from './passed-over.js';
import { findModel, holds, scan } from './repository.js';
import { Turns } from './turns.js';

/** Which model; without a version the split of the traffic decides, or the newest serves. */
export interface ModelRef {
  readonly name: string;
  /** Its number, or a label. */
  readonly version?: string | undefined;
  /** Chosen already, and held by whoever chose it. */
  readonly model?: Model | undefined;
}

/** One that is loaded when it is used. */
export interface SleepingModel {
  readonly name: string;
  /** Seconds since 1970. */
  readonly since: number;
  /** UNAVAILABLE, or LOADING; with the reason where the last load failed. */
  readonly versions: readonly ModelState[];
}

/** What the index says of a model that sleeps. */
const ON_DEMAND = 'it is loaded when it is first used';

@Injectable()
export class ModelManager {
  readonly #logger = new Logger(ModelManager.name);
  readonly #turns = new Turns();
  /** Names that were unloaded by request: a change of their files does not bring them back. */
  readonly #withdrawn = new Set<string>();
  /** Bytes that a change of the files asked for in vain, by name. */
  readonly #refused = new Map<string, number>();
  readonly #dormant = new DormantModels();
  readonly #idle: IdleModels;
  readonly #makeRoom: MakeRoom = (missing) => this.#unloadSpare(missing);

  constructor(
    @Inject(MODEL_OPTIONS) private readonly options: ModelOptions,
    private readonly source: ModelSource,
    private readonly rollout: ModelRollout,
    private readonly models: ModelRegistry,
    private readonly budget: MemoryBudget,
  ) {
    this.#idle = new IdleModels(models, (name) => this.#turns.taken(name));
  }

  /**
   * Loads every model of the repository. One that cannot be loaded is left out where the repository is watched: it may be mended.
   * @returns what was thrown for those, by name.
   * @throws Error that names the path and the reason for the first that cannot be loaded, where it is not.
   */
  async open(): Promise<ReadonlyMap<string, unknown>> {
    const { repository, pollSeconds } = this.options;
    const folders = await scan(repository);
    for (const reason of await passedOver(repository)) this.#logger.warn(reason);
    if (folders.length === 0 && !pollSeconds) throw new Error(`${repository} holds no model: put one at <name>/1/model.onnx`);
    const failed = new Map<string, unknown>();
    for (const { name, path } of folders) {
      await this.refresh(name).catch((thrown: unknown) => {
        if (!pollSeconds) throw reasonOf(thrown).includes(path) ? thrown : new Error(`${path}: ${reasonOf(thrown)}`, { cause: thrown });
        failed.set(name, thrown);
      });
    }
    return failed;
  }

  /**
   * The model that gets a request; it does not end before the lease is given back.
   * @param deadline point of `performance.now()` until which it may be loaded.
   * @throws NestorError MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_NOT_READY, DEADLINE_EXCEEDED
   */
  async use({ name, version, model }: ModelRef, deadline?: number): Promise<Lease> {
    if (!model) await this.wake(name, deadline);
    return new Lease(model ?? this.models.route(name, version));
  }

  /** Loads a model that is loaded on demand, where it is not. @throws NestorError MODEL_NOT_READY when it cannot be loaded, DEADLINE_EXCEEDED */
  async wake(name: string, deadline?: number): Promise<void> {
    if (!this.#dormant.has(name)) return;
    await inTime(
      this.#turns.take(name, () => this.#dormant.wake(name, () => this.#align(name))),
      deadline,
    );
  }

  /** Unloads what has not been used for longer than its manifest says, until it is used again. */
  sweep(): void {
    for (const name of this.#idle.expired) void this.#rest(name);
  }

  /** Every version that serves, comes, goes or could not be loaded. */
  get index(): ModelState[] {
    return this.rollout.states.index(this.models);
  }

  /** Names whose last change there was no memory to follow, where there would be now. */
  get fitting(): string[] {
    const spareWithout = (name: string): string[] => this.#idle.spare.filter((one) => one !== name);
    const fits = ([name, bytes]: [string, number]): boolean => this.budget.missing(bytes) <= this.#bytesBack(spareWithout(name));
    return [...this.#refused].filter(fits).map(([name]) => name);
  }

  /** Whether a model is loaded with its next request. */
  sleeps(name: string): boolean {
    return this.#dormant.has(name);
  }

  /** Models that are loaded with their next request. */
  get sleeping(): SleepingModel[] {
    return this.#dormant.names.map((name) => ({ name, since: this.#dormant.since(name), versions: this.rollout.states.notes(name) }));
  }

  /**
   * Brings what serves into line with the folder: new and changed versions are loaded and warmed up beside the old ones, then the
   * requests go to them, then the old ones end. Where one cannot be loaded, nothing that served stops.
   * @throws NestorError INVALID_REQUEST, MODEL_NOT_FOUND, MODEL_LOAD_FAILED with the reason.
   */
  load(name: string): Promise<void> {
    return this.#turns.take(name, () => {
      this.#withdrawn.delete(name);
      return this.#align(name);
    });
  }

  /**
   * Exchanges all instances for fresh ones, which gives back what the old ones have piled up. Files that have changed are left to a load.
   * @throws Error with the reasons of those that cannot be exchanged; the others are.
   */
  async recycle(): Promise<void> {
    const failures: string[] = [];
    for (const name of this.models.names) {
      const renewed = this.#turns.take(name, async () => {
        // It may have gone while others were exchanged.
        if (this.models.names.includes(name)) await this.rollout.renew(await this.rollout.describe(name), this.#makeRoom);
      });
      await renewed.catch((thrown: unknown) => failures.push(`${name}: ${reasonOf(thrown)}`));
    }
    if (failures.length > 0) throw new Error(failures.join('\n'));
  }

  /**
   * What a change of the folder asks for: to be loaded, or unloaded where it is gone; nothing where it was unloaded by request.
   * @throws NestorError of a load that failed, as the log and the index say; Error when the repository is away, and what is asked for is not known.
   */
  async refresh(name: string): Promise<void> {
    await this.#turns.take(name, async () => {
      this.#refused.delete(name);
      if (this.#withdrawn.has(name)) return;
      try {
        await this.#follow(name);
      } catch (thrown) {
        if (thrown instanceof NestorError && thrown.cause instanceof BudgetExceeded) this.#refused.set(name, thrown.cause.bytes);
        // A load says why it fails. That the name is wrong, or the repository away: nobody asked for it, somebody has to be told.
        if (!(thrown instanceof NestorError) || thrown.code === 'INVALID_REQUEST') this.rollout.failed(name, '', thrown);
        throw thrown;
      }
    });
  }

  /**
   * Takes a model out of service: no request reaches it any more, those that have are answered, and then its threads end.
   * @throws NestorError MODEL_NOT_FOUND when it does not serve.
   */
  unload(name: string): Promise<void> {
    return this.#turns.take(name, () => {
      if (!this.#dormant.has(name)) this.models.served(name);
      this.#withdrawn.add(name);
      void this.#withdraw(name, 'unloaded');
      return Promise.resolve();
    });
  }

  /** Loads a model, or takes it out where its folder is gone. */
  async #follow(name: string): Promise<void> {
    if (!(await holds(this.options.repository, name))) {
      void this.#withdraw(name);
      return;
    }
    const versions = this.models.names.includes(name) ? undefined : await this.#onDemand(name);
    if (versions) this.#await(name, versions);
    else await this.#align(name);
  }

  /** @returns resolves once its threads have ended. */
  #withdraw(name: string, reason?: string): Promise<void> {
    this.#dormant.forget(name);
    return this.rollout.withdraw(name, reason);
  }

  /** A model that comes when it is used is loaded by its first request. */
  #await(name: string, versions: readonly string[]): void {
    this.#dormant.sleep(name);
    // What was said of files that have changed since.
    this.rollout.states.forget(name);
    for (const version of versions) this.rollout.states.note(name, version, 'UNAVAILABLE', ON_DEMAND);
  }

  /** Unloads a model that comes again when it is used. */
  async #rest(name: string): Promise<void> {
    let ended: Promise<void> | undefined;
    await this.#turns.take(name, () => {
      const versions = this.models.versions(name).map(({ version }) => version);
      ended = this.#withdraw(name);
      this.#await(name, versions);
      return Promise.resolve();
    });
    await ended;
  }

  /**
   * Waits for what is on its way out, or has the model rest that was not used for longest.
   * @returns false where all of it together would not be enough: then nothing is unloaded.
   */
  async #unloadSpare(missing: number): Promise<boolean> {
    const { spare } = this.#idle;
    const [name] = spare;
    const { leaving } = this.rollout;
    if (this.#bytesBack(spare) < missing) return false;
    if (name === undefined || this.#bytesBack([]) >= missing) await Promise.race(leaving.values());
    else {
      this.#logger.log(`${name} is unloaded to make room`);
      await this.#rest(name);
    }
    return true;
  }

  /** Bytes that come back by what is on its way out, and by these if they were unloaded. */
  #bytesBack(names: readonly string[]): number {
    return bytesOf([...this.rollout.leaving.keys(), ...names.flatMap((name) => this.models.versions(name))]);
  }

  /** The versions of a model that is loaded on demand. What cannot be read is loaded, which says why it cannot. */
  async #onDemand(name: string): Promise<readonly string[] | undefined> {
    const description = findModel(this.options.repository, name).then((folder) => this.source.describe(folder));
    const { manifest, wanted } = (await description.catch(() => undefined)) ?? {};
    return manifest?.loading?.onDemand === true ? wanted : undefined;
  }

  async #align(name: string): Promise<void> {
    const description = await this.rollout.describe(name);
    this.#idle.follow(name, description.manifest.loading);
    try {
      await this.rollout.align(description, this.#makeRoom);
    } finally {
      // Of several versions some may serve though others cannot be loaded.
      if (this.models.names.includes(name)) this.#dormant.forget(name);
    }
  }
}

/** What the budget reckons with for them. */
function bytesOf(models: readonly Model[]): number {
  return models.reduce((sum, { memory }) => sum + sumOf(memory.expected), 0);
}
