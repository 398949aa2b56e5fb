// What the repository says of a model now, and versions that are loaded from it where they are not what serves already.
import { Inject, Injectable } from '@nestjs/common';
import { reasonOf } from '../errors.js';
import { filesOf, fingerprint } from './folder-contents.js';
import { loadingKeys, readManifest, type Manifest } from './manifest.js';
import type { Model } from './model.js';
import { ModelLoader } from './model-loader.js';
import type { MakeRoom } from './memory-budget.js';
import { MODEL_OPTIONS, type ModelOptions } from './model-options.js';
import { withinRepository, type ModelFolder, type VersionFolder } from './repository.js';
import { versionsToServe } from './versions.js';

export interface ModelDescription {
  readonly folder: ModelFolder;
  readonly manifest: Manifest;
  /** Versions to serve. */
  readonly wanted: readonly string[];
}

export interface LoadHooks {
  /** Called when something is loaded indeed. */
  readonly begins: () => void;
  readonly makeRoom: MakeRoom;
}

@Injectable()
export class ModelSource {
  /** From what each was loaded. */
  readonly #fingerprints = new WeakMap<Model, string>();

  constructor(
    @Inject(MODEL_OPTIONS) private readonly options: ModelOptions,
    private readonly loader: ModelLoader,
  ) {}

  /** @throws Error that says what is wrong with the folder or its manifest. */
  async describe(folder: ModelFolder): Promise<ModelDescription> {
    await withinRepository(this.options.repository, folder.path);
    const manifest = await readManifest(this.options.repository, folder.manifestPath);
    const there = folder.versions.map(({ version }) => version);
    return { folder, manifest, wanted: versionsToServe(there, manifest) };
  }

  /** The version as it is on disk: the one that serves where its files are the same and its threads come back, else one that is loaded now. */
  async current(folder: VersionFolder, manifest: Manifest, serving: Model | undefined, hooks: LoadHooks): Promise<Model> {
    const print = await this.#print(folder, manifest);
    const serves = serving && !serving.instances.failing && this.#fingerprints.get(serving) === print;
    return serves ? serving : this.#load(folder, manifest, print, hooks);
  }

  /** A fresh one in place of the one that serves; that one itself where its files have changed, which is for a load to find out. */
  async renewed(folder: VersionFolder, manifest: Manifest, serving: Model, hooks: LoadHooks): Promise<Model> {
    const print = await this.#print(folder, manifest);
    return this.#fingerprints.get(serving) === print ? this.#load(folder, manifest, print, hooks) : serving;
  }

  async #load(folder: VersionFolder, manifest: Manifest, print: string, { begins, makeRoom }: LoadHooks): Promise<Model> {
    begins();
    const model = await this.loader.load(folder, manifest, await filesOf(this.options.repository, folder.path), makeRoom);
    // What cannot be looked at any more was written too: files come and go while a folder is filled.
    if ((await this.#print(folder, manifest).catch(reasonOf)) !== print) {
      await this.loader.end(model);
      throw new Error(`${folder.path} was written while it was loaded; load it when it is complete`);
    }
    this.#fingerprints.set(model, print);
    return model;
  }

  async #print(folder: VersionFolder, manifest: Manifest): Promise<string> {
    return fingerprint(await filesOf(this.options.repository, folder.path), loadingKeys(manifest));
  }
}
