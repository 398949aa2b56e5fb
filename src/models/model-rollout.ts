// One model brought into line with its folder: versions loaded beside those that serve, exchanged in one step, ended when nobody uses them.
import { Inject, Injectable, Logger } from '@nestjs/common';
import { NestorError, reasonOf } from '../errors.js';
import { Metrics } from '../telemetry/metrics.js';
import type { Model } from './model.js';
import { ModelLoader } from './model-loader.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';
import { ModelRegistry } from './model-registry.js';
import { ModelSource, type LoadHooks, type ModelDescription } from './model-source.js';
import { ModelStates } from './model-states.js';
import { findModel, type VersionFolder } from './repository.js';
import { ServedModel } from './served-model.js';
import { byVersion, NEWEST } from './versions.js';

/** Whoever calls sees to it that two of these do not meet on one name. */
@Injectable()
export class ModelRollout {
  readonly states = new ModelStates();
  readonly #logger = new Logger(ModelRollout.name);
  readonly #leaving = new Map<Model, Promise<void>>();

  constructor(
    @Inject(MODEL_OPTIONS) private readonly options: ModelOptions,
    private readonly source: ModelSource,
    private readonly loader: ModelLoader,
    private readonly models: ModelRegistry,
    private readonly metrics: Metrics,
  ) {}

  /** Those that no request reaches any more and that still have their memory, and when they have given it back. */
  get leaving(): ReadonlyMap<Model, Promise<void>> {
    return this.#leaving;
  }

  /** What its folder asks for. @throws NestorError INVALID_REQUEST, MODEL_NOT_FOUND, MODEL_LOAD_FAILED with the reason. */
  async describe(name: string): Promise<ModelDescription> {
    try {
      const description = await this.source.describe(await findModel(this.options.repository, name));
      this.states.keep(name, description.wanted);
      return description;
    } catch (thrown) {
      // There is no such model of which anything could be said.
      if (thrown instanceof NestorError) throw thrown;
      this.failed(name, '', thrown);
      throw new NestorError('MODEL_LOAD_FAILED', reasonOf(thrown), { field: 'model', cause: thrown });
    }
  }

  /**
   * Loads new and changed versions, and lets those go that are not wanted any more. Where one cannot be loaded, nothing that served stops.
   * @throws NestorError MODEL_LOAD_FAILED, MEMORY_BUDGET_EXCEEDED with the reasons.
   */
  async align({ folder, manifest, wanted }: ModelDescription, makeRoom: LoadHooks['makeRoom']): Promise<void> {
    const { name } = folder;
    const before = this.models.names.includes(name) ? this.models.served(name) : undefined;
    const failures: unknown[] = [];
    const serving: Model[] = [];
    for (const version of folder.versions.filter((one) => wanted.includes(one.version))) {
      const old = before?.find(version.version);
      try {
        serving.push(await this.source.current(version, manifest, old, this.#hooks(version, makeRoom)));
        this.states.forget(name, version.version);
      } catch (thrown) {
        this.failed(name, version.version, thrown);
        failures.push(thrown);
        if (old) serving.push(old);
      }
    }
    const kept = failures.length > 0 ? (before?.versions.filter((model) => !wanted.includes(model.version)) ?? []) : [];
    const { versions: policy = NEWEST, versionLabels: labels = new Map(), traffic = new Map() } = manifest;
    const versions = [...kept, ...serving].sort((a, b) => byVersion(a.version, b.version));
    this.#exchange(name, new ServedModel(versions, failures.length > 0 && before ? before.routing : { policy, labels, traffic }));
    if (failures.length > 0) throw loadFailed(failures);
    this.states.forget(name, '');
  }

  /**
   * Exchanges all instances for fresh ones. Files that have changed are left to a load, and a version that cannot be loaded serves on as it is.
   * @throws NestorError MODEL_LOAD_FAILED, MEMORY_BUDGET_EXCEEDED with the reasons.
   */
  async renew({ folder, manifest }: ModelDescription, makeRoom: LoadHooks['makeRoom']): Promise<void> {
    const { name } = folder;
    const before = this.models.served(name);
    // What is said of files that could not be loaded still holds.
    const hooks = { begins: () => undefined, makeRoom };
    const failures: unknown[] = [];
    const fresh: Model[] = [];
    for (const old of before.versions) {
      const version = folder.versions.find((one) => one.version === old.version);
      try {
        fresh.push(version ? await this.source.renewed(version, manifest, old, hooks) : old);
      } catch (thrown) {
        failures.push(thrown);
        fresh.push(old);
      }
    }
    this.#exchange(name, new ServedModel(fresh, before.routing));
    if (failures.length > 0) throw loadFailed(failures);
  }

  /**
   * No request reaches it from now on.
   * @param reason what the index says of its versions when they are gone; nothing when left out.
   * @returns resolves once its threads have ended.
   */
  async withdraw(name: string, reason?: string): Promise<void> {
    const versions = this.models.versions(name);
    this.models.publish(name, new ServedModel([]));
    this.states.forget(name);
    await Promise.all(versions.map((model) => this.#retire(model, reason)));
  }

  /** @param version empty where it is the model as a whole that could not be read. */
  failed(name: string, version: string, thrown: unknown): void {
    const reason = reasonOf(thrown);
    this.states.note(name, version, 'UNAVAILABLE', reason);
    if (version !== '') this.states.forget(name, '');
    this.metrics.modelLoadFailures.labels(name, version).inc();
    this.#logger.error(`${name}/${version} is not loaded: ${reason}`);
  }

  #hooks({ name, version }: VersionFolder, makeRoom: LoadHooks['makeRoom']): LoadHooks {
    return {
      begins: () => {
        this.states.note(name, version, 'LOADING');
      },
      makeRoom,
    };
  }

  /** From the next request on these serve; those that do not any more end. */
  #exchange(name: string, served: ServedModel): void {
    const before = this.models.versions(name);
    this.models.publish(name, served);
    for (const model of before) if (!served.versions.includes(model)) void this.#retire(model);
  }

  async #retire(model: Model, afterwards?: string): Promise<void> {
    const { name, version } = model;
    const replaced = (): boolean => this.models.versions(name).some((one) => one.version === version);
    if (!replaced()) this.states.note(name, version, 'UNLOADING');
    const ended = this.loader.end(model).finally(() => this.#leaving.delete(model));
    this.#leaving.set(model, ended);
    await ended;
    if (replaced()) return;
    if (this.states.of(name, version)?.state === 'UNLOADING') {
      if (afterwards === undefined) this.states.forget(name, version);
      else this.states.note(name, version, 'UNAVAILABLE', afterwards);
    }
    this.#logger.log(`${name}/${version} is unloaded`);
  }
}

/** The reasons of all versions; of several kinds of failure the first decides the code. */
function loadFailed(failures: readonly unknown[]): NestorError {
  const [first] = failures;
  const code = first instanceof NestorError ? first.code : 'MODEL_LOAD_FAILED';
  return new NestorError(code, failures.map(reasonOf).join('\n'), { field: 'model', cause: first });
}
