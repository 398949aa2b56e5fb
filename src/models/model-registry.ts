// The models that serve, by name and version: loaded once, looked up on every request.
import { Injectable } from '@nestjs/common';
import { NestorError } from '../errors.js';
import type { Model } from './model.js';
import { byVersion } from './repository.js';

@Injectable()
export class ModelRegistry {
  /** Versions of each name, oldest first. */
  readonly #models = new Map<string, Model[]>();

  get all(): Model[] {
    return [...this.#models.values()].flat();
  }

  add(model: Model): void {
    const versions = [...this.versions(model.name), model];
    this.#models.set(
      model.name,
      versions.sort((a, b) => byVersion(a.version, b.version)),
    );
  }

  versions(name: string): readonly Model[] {
    return this.#models.get(name) ?? [];
  }

  /** As `resolve`; undefined where there is none. */
  find(name: string, version?: string): Model | undefined {
    const versions = this.versions(name);
    if (version !== undefined) return versions.find((candidate) => candidate.version === version);
    return versions.findLast((model) => model.instances.alive.ready > 0) ?? versions.at(-1);
  }

  /**
   * The model of that name; without a version the newest that has a worker alive.
   * @throws NestorError MODEL_NOT_FOUND or VERSION_NOT_FOUND.
   */
  resolve(name: string, version?: string): Model {
    const versions = this.versions(name);
    if (versions.length === 0) {
      throw new NestorError('MODEL_NOT_FOUND', `There is no model ${JSON.stringify(name)}. GET /v1/models lists those that there are`, { field: 'model' });
    }
    const model = this.find(name, version);
    if (!model) {
      const known = versions.map((candidate) => candidate.version).join(', ');
      throw new NestorError('VERSION_NOT_FOUND', `The model ${name} has no version ${JSON.stringify(version)}, it has ${known}`, { field: 'version' });
    }
    return model;
  }
}
