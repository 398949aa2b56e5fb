// Models that come and go: loaded beside those that serve, exchanged in one step, ended when nobody uses them any more.
import { Inject, Injectable, Logger } from '@nestjs/common';
import { NestorError, reasonOf } from '../errors.js';
import { Metrics } from '../telemetry/metrics.js';
import { DormantModels } from './dormant.js';
import { Lease } from './lease.js';
import { readManifest, type Manifest } from './manifest.js';
import type { Model } from './model.js';
import { ModelLoader } from './model-loader.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';
import { ModelRegistry } from './model-registry.js';
import { ModelSource, type LoadHooks, type ModelDescription } from './model-source.js';
import { ModelStates, type ModelState } from './model-states.js';
import { findModel, scan, type VersionFolder } from './repository.js';
import { ServedModel } from './served-model.js';
import { Turns } from './turns.js';
import { byVersion } from './versions.js';

/** Which model; without a version the split of the traffic decides, or the newest serves. */
export interface ModelRef {
  readonly name: string;
  /** Its number, or a label. */
  readonly version?: string | undefined;
  /** Chosen already, and held by whoever chose it. */
  readonly model?: Model | undefined;
}

/** What the index says of a model that sleeps. */
const ON_DEMAND = 'it is loaded when it is first used';

@Injectable()
export class ModelManager {
  readonly #logger = new Logger(ModelManager.name);
  readonly #states = new ModelStates();
  readonly #turns = new Turns();
  /** Names that were unloaded by request: a change of their files does not bring them back. */
  readonly #withdrawn = new Set<string>();
  readonly #dormant = new DormantModels();
  /** What the manifests of those that serve say of when they do. */
  readonly #loading = new Map<string, NonNullable<Manifest['loading']>>();

  constructor(
    @Inject(MODEL_OPTIONS) private readonly options: ModelOptions,
    private readonly source: ModelSource,
    private readonly loader: ModelLoader,
    private readonly models: ModelRegistry,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Loads every model of the repository. One that cannot be loaded is left out where the repository is watched: it may be mended.
   * @throws Error that names the path and the reason for the first that cannot be loaded, where it is not.
   */
  async open(): Promise<void> {
    const { repository, pollSeconds } = this.options;
    const folders = await scan(repository);
    if (folders.length === 0 && !pollSeconds) throw new Error(`${repository} holds no model: put one at <name>/1/model.onnx`);
    for (const { name, path } of folders) {
      await this.refresh(name).catch((thrown: unknown) => {
        if (!pollSeconds) throw reasonOf(thrown).includes(path) ? thrown : new Error(`${path}: ${reasonOf(thrown)}`, { cause: thrown });
      });
    }
  }

  /** The model that gets a request; it does not end before the lease is given back. @throws NestorError MODEL_NOT_FOUND, VERSION_NOT_FOUND */
  async use({ name, version, model }: ModelRef): Promise<Lease> {
    if (!model && this.#dormant.has(name)) await this.#turns.take(name, () => this.#dormant.wake(name, () => this.#align(name)));
    return new Lease(model ?? this.models.route(name, version));
  }

  /** Unloads what has not been used for longer than its manifest says, until it is used again. */
  sweep(): void {
    for (const name of this.#idle()) {
      const { idleSeconds = Infinity } = this.#loading.get(name) ?? {};
      if (performance.now() - lastUse(this.models.versions(name)) > idleSeconds * 1000) void this.#rest(name);
    }
  }

  /** Every version that serves, comes, goes or could not be loaded. */
  get index(): ModelState[] {
    return this.#states.index(this.models);
  }

  /**
   * Brings what serves into line with the folder: new and changed versions are loaded and warmed up beside the old ones, then the
   * requests go to them, then the old ones end. Where one cannot be loaded, nothing that served stops.
   * @throws NestorError INVALID_REQUEST, MODEL_NOT_FOUND, MODEL_LOAD_FAILED with the reason.
   */
  load(name: string): Promise<void> {
    this.#withdrawn.delete(name);
    return this.#turns.take(name, () => this.#align(name));
  }

  /** Exchanges all instances for fresh ones, which gives back what the old ones have piled up. Files that have changed are left to a load. */
  async recycle(): Promise<void> {
    for (const name of this.models.names) {
      await this.#turns.take(name, async () => {
        const before = this.models.served(name);
        const { folder, manifest } = await this.#read(name);
        const fresh: Model[] = [];
        for (const old of before.versions) {
          const version = folder.versions.find((one) => one.version === old.version);
          fresh.push(version ? await this.source.renewed(version, manifest, old, this.#hooks(version)) : old);
          this.#states.forget(name, old.version);
        }
        this.#exchange(name, new ServedModel(fresh, before.routing));
      });
    }
  }

  /** What a change of the folder asks for: to be loaded, or unloaded where it is gone; nothing where it was unloaded by request. */
  async refresh(name: string): Promise<void> {
    if (this.#withdrawn.has(name)) return;
    await this.#turns.take(name, async () => {
      const folders = await scan(this.options.repository);
      if (!folders.some((folder) => folder.name === name)) {
        void this.#withdraw(name);
        return;
      }
      if (!this.models.names.includes(name) && (await this.#isOnDemand(name))) this.#await(name);
      else await this.#align(name).catch((thrown: unknown) => {
        // The name itself is wrong: nobody asked for it, somebody has to be told.
        if (thrown instanceof NestorError && thrown.code === 'INVALID_REQUEST') this.#failed(name, '', thrown);
        throw thrown;
      });
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

  /** @returns resolves once its threads have ended. */
  async #withdraw(name: string, reason?: string): Promise<void> {
    const versions = this.models.versions(name);
    this.models.publish(name, new ServedModel([]));
    this.#states.forget(name);
    this.#dormant.forget(name);
    await Promise.all(versions.map((model) => this.#retire(model, reason)));
  }

  /** A model that comes when it is used is loaded by its first request. */
  #await(name: string): void {
    this.#dormant.sleep(name);
    this.#states.note(name, '', 'UNAVAILABLE', ON_DEMAND);
  }

  /** Unloads a model that comes again when it is used. */
  async #rest(name: string): Promise<void> {
    let ended: Promise<void> | undefined;
    await this.#turns.take(name, () => {
      ended = this.#withdraw(name);
      this.#await(name);
      return Promise.resolve();
    });
    await ended;
  }

  /** Models that come when they are used and that nobody uses, longest first. */
  #idle(): string[] {
    const resting = (name: string): boolean =>
      this.#loading.get(name)?.onDemand === true && !this.#turns.taken(name) && this.models.versions(name).every(isIdle);
    const last = (name: string): number => lastUse(this.models.versions(name));
    return this.models.names.filter(resting).sort((a, b) => last(a) - last(b));
  }

  /** Has the model rest that was not used for longest. @returns false where there is none. */
  async #makeRoom(): Promise<boolean> {
    const [name] = this.#idle();
    if (name === undefined) return false;
    this.#logger.log(`${name} is unloaded to make room`);
    await this.#rest(name);
    return true;
  }

  /** What cannot be read is loaded, which says why it cannot. */
  async #isOnDemand(name: string): Promise<boolean> {
    const manifest = await findModel(this.options.repository, name).then(({ manifestPath }) => readManifest(manifestPath)).catch(() => undefined);
    return manifest?.loading?.onDemand === true;
  }

  async #align(name: string): Promise<void> {
    const before = this.models.names.includes(name) ? this.models.served(name) : undefined;
    const { folder, manifest, wanted } = await this.#read(name);
    if (manifest.loading) this.#loading.set(name, manifest.loading);
    else this.#loading.delete(name);
    const failures: unknown[] = [];
    const serving: Model[] = [];
    for (const version of folder.versions.filter((one) => wanted.includes(one.version))) {
      const old = before?.find(version.version);
      try {
        serving.push(await this.source.current(version, manifest, old, this.#hooks(version)));
        this.#states.forget(name, version.version);
      } catch (thrown) {
        this.#failed(name, version.version, thrown);
        failures.push(thrown);
        if (old) serving.push(old);
      }
    }
    const kept = failures.length > 0 ? (before?.versions.filter((model) => !wanted.includes(model.version)) ?? []) : [];
    const routing = { labels: manifest.versionLabels ?? new Map<string, string>(), traffic: manifest.traffic ?? new Map<string, number>() };
    const versions = [...kept, ...serving].sort((a, b) => byVersion(a.version, b.version));
    this.#exchange(name, new ServedModel(versions, failures.length > 0 && before ? before.routing : routing));
    if (failures.length > 0) throw loadFailed(failures);
    this.#dormant.forget(name);
    this.#states.forget(name, '');
  }

  /** From the next request on these serve; those that do not any more end. */
  #exchange(name: string, served: ServedModel): void {
    const before = this.models.versions(name);
    this.models.publish(name, served);
    for (const model of before) if (!served.versions.includes(model)) void this.#retire(model);
  }

  /** What the folder says of itself. A fault there leaves no version to blame. */
  async #read(name: string): Promise<ModelDescription> {
    const folder = await findModel(this.options.repository, name);
    try {
      const description = await this.source.describe(folder);
      this.#states.keep(name, this.#dormant.has(name) ? ['', ...description.wanted] : description.wanted);
      return description;
    } catch (thrown) {
      this.#failed(name, '', thrown);
      throw new NestorError('MODEL_LOAD_FAILED', reasonOf(thrown), { field: 'model', cause: thrown });
    }
  }

  #hooks({ name, version }: VersionFolder): LoadHooks {
    return {
      begins: () => {
        this.#states.note(name, version, 'LOADING');
      },
      makeRoom: () => this.#makeRoom(),
    };
  }

  #failed(name: string, version: string, thrown: unknown): void {
    const reason = reasonOf(thrown);
    this.#states.note(name, version, 'UNAVAILABLE', reason);
    if (version !== '') this.#states.forget(name, '');
    this.metrics.modelLoadFailures.inc({ model: name, version });
    this.#logger.error(`${name}/${version} is not loaded: ${reason}`);
  }

  /** @param afterwards what the index says of the version when it is gone; nothing when left out. */
  async #retire(model: Model, afterwards?: string): Promise<void> {
    const { name, version } = model;
    const replaced = (): boolean => this.models.versions(name).some((one) => one.version === version);
    if (!replaced()) this.#states.note(name, version, 'UNLOADING');
    await this.loader.end(model);
    if (replaced()) return;
    model.metrics.forget();
    if (this.#states.of(name, version)?.state === 'UNLOADING') {
      if (afterwards === undefined) this.#states.forget(name, version);
      else this.#states.note(name, version, 'UNAVAILABLE', afterwards);
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

function isIdle({ usage, batcher }: Model): boolean {
  return usage.idle && batcher.idle;
}

function lastUse(versions: readonly Model[]): number {
  return Math.max(...versions.map(({ usage }) => usage.lastUsed));
}
