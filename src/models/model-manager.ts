// Models that come and go: loaded beside those that serve, exchanged in one step, ended when nobody uses them any more.
import { Inject, Injectable, Logger } from '@nestjs/common';
import { NestorError, reasonOf } from '../errors.js';
import { Metrics } from '../telemetry/metrics.js';
import { filesOf, fingerprint, type ContainedFile } from './folder-contents.js';
import { Lease } from './lease.js';
import { loadingKeys, readManifest, type Manifest } from './manifest.js';
import type { Model } from './model.js';
import { ModelLoader } from './model-loader.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';
import { ModelRegistry } from './model-registry.js';
import { ModelStates, type ModelState } from './model-states.js';
import { findModel, scan, withinRepository, type ModelFolder, type VersionFolder } from './repository.js';
import { ServedModel } from './served-model.js';
import { byVersion, versionsToServe } from './versions.js';

/** Which model; without a version the split of the traffic decides, or the newest serves. */
export interface ModelRef {
  readonly name: string;
  /** Its number, or a label. */
  readonly version?: string | undefined;
  /** Chosen already, and held by whoever chose it. */
  readonly model?: Model | undefined;
}

@Injectable()
export class ModelManager {
  readonly #logger = new Logger(ModelManager.name);
  readonly #states = new ModelStates();
  /** The last operation on each name: they follow one another. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #fingerprints = new WeakMap<Model, string>();
  /** Names that were unloaded by request: a change of their files does not bring them back. */
  readonly #withdrawn = new Set<string>();

  constructor(
    @Inject(MODEL_OPTIONS) private readonly options: ModelOptions,
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
  use({ name, version, model }: ModelRef): Promise<Lease> {
    return Promise.resolve(new Lease(model ?? this.models.route(name, version)));
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
    return this.#inTurn(name, () => this.#align(name));
  }

  /** What a change of the folder asks for: to be loaded, or unloaded where it is gone; nothing where it was unloaded by request. */
  async refresh(name: string): Promise<void> {
    if (this.#withdrawn.has(name)) return;
    await this.#inTurn(name, async () => {
      const folders = await scan(this.options.repository);
      if (!folders.some((folder) => folder.name === name)) {
        this.#withdraw(name);
        return;
      }
      await this.#align(name).catch((thrown: unknown) => {
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
    return this.#inTurn(name, () => {
      this.models.served(name);
      this.#withdrawn.add(name);
      this.#withdraw(name, 'unloaded');
      return Promise.resolve();
    });
  }

  #withdraw(name: string, reason?: string): void {
    const versions = this.models.versions(name);
    this.models.publish(name, new ServedModel([]));
    this.#states.forget(name);
    for (const model of versions) void this.#retire(model, reason);
  }

  async #align(name: string): Promise<void> {
    const before = this.models.names.includes(name) ? this.models.served(name) : undefined;
    const { folder, manifest, wanted } = await this.#read(name);
    const failures: string[] = [];
    const serving: Model[] = [];
    for (const version of folder.versions.filter((one) => wanted.includes(one.version))) {
      const old = before?.find(version.version);
      try {
        serving.push(await this.#current(version, manifest, old));
        this.#states.forget(name, version.version);
      } catch (thrown) {
        failures.push(this.#failed(name, version.version, thrown));
        if (old) serving.push(old);
      }
    }
    const kept = failures.length > 0 ? (before?.versions.filter((model) => !wanted.includes(model.version)) ?? []) : [];
    const routing = { labels: manifest.versionLabels ?? new Map<string, string>(), traffic: manifest.traffic ?? new Map<string, number>() };
    const versions = [...kept, ...serving].sort((a, b) => byVersion(a.version, b.version));
    this.models.publish(name, new ServedModel(versions, failures.length > 0 && before ? before.routing : routing));
    for (const model of before?.versions ?? []) if (!versions.includes(model)) void this.#retire(model);
    if (failures.length > 0) throw new NestorError('MODEL_LOAD_FAILED', failures.join('\n'), { field: 'model' });
  }

  /** What the folder says of itself. A fault there leaves no version to blame. */
  async #read(name: string): Promise<{ folder: ModelFolder; manifest: Manifest; wanted: readonly string[] }> {
    const folder = await findModel(this.options.repository, name);
    try {
      await withinRepository(this.options.repository, folder.path);
      const manifest = await readManifest(folder.manifestPath);
      const there = folder.versions.map(({ version }) => version);
      const wanted = versionsToServe(there, manifest);
      this.#states.keep(name, wanted);
      return { folder, manifest, wanted };
    } catch (thrown) {
      throw new NestorError('MODEL_LOAD_FAILED', this.#failed(name, '', thrown), { field: 'model', cause: thrown });
    }
  }

  /** The version as it is on disk: the one that serves where its files are the same, else one that was loaded from them now. */
  async #current(folder: VersionFolder, manifest: Manifest, old: Model | undefined): Promise<Model> {
    const contents = (): Promise<ContainedFile[]> => filesOf(this.options.repository, folder.path);
    const files = await contents();
    const before = fingerprint(files, loadingKeys(manifest));
    if (old && this.#fingerprints.get(old) === before) return old;
    this.#states.note(folder.name, folder.version, 'LOADING');
    const model = await this.loader.load(folder, manifest, files);
    if (fingerprint(await contents(), loadingKeys(manifest)) !== before) {
      await this.loader.end(model);
      throw new Error(`${folder.path} was written while it was loaded; load it when it is complete`);
    }
    this.#fingerprints.set(model, before);
    return model;
  }

  #failed(name: string, version: string, thrown: unknown): string {
    const reason = reasonOf(thrown);
    this.#states.note(name, version, 'UNAVAILABLE', reason);
    this.metrics.modelLoadFailures.inc({ model: name, version });
    this.#logger.error(`${name}/${version} is not loaded: ${reason}`);
    return reason;
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

  async #inTurn(name: string, operation: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(operation, operation);
    this.#turns.set(name, turn);
    try {
      await turn;
    } finally {
      if (this.#turns.get(name) === turn) this.#turns.delete(name);
    }
  }
}
