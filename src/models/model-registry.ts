// The models that serve, by name and version: looked up on every request, exchanged as a whole.
import { Injectable } from '@nestjs/common';
import { NestorError, noSuchModel } from '../errors.js';
import type { Model } from './model.js';
import { ServedModel } from './served-model.js';

@Injectable()
export class ModelRegistry {
  readonly #served = new Map<string, ServedModel>();

  get all(): Model[] {
    return [...this.#served.values()].flatMap(({ versions }) => versions);
  }

  get names(): string[] {
    return [...this.#served.keys()];
  }

  /** All that serves under a name. @throws NestorError MODEL_NOT_FOUND */
  served(name: string): ServedModel {
    const served = this.#served.get(name);
    if (served) return served;
    throw noSuchModel(name);
  }

  /** Versions of that name, oldest first. */
  versions(name: string): readonly Model[] {
    return this.#served.get(name)?.versions ?? [];
  }

  /** From the next request on these versions serve, and no others; without any the name is unknown. */
  publish(name: string, served: ServedModel): void {
    if (served.versions.length > 0) this.#served.set(name, served);
    else this.#served.delete(name);
  }

  /** Who gets a request, where that is certain; undefined where nobody does, and where the traffic decides by chance. */
  find(name: string, version?: string): Model | undefined {
    const served = this.#served.get(name);
    return version === undefined ? served?.certain : served?.find(version);
  }

  /**
   * The model of that name, to be described: without a version the newest that has a worker alive.
   * @param version its number, or a label of it.
   * @throws NestorError MODEL_NOT_FOUND or VERSION_NOT_FOUND.
   */
  resolve(name: string, version?: string): Model {
    const served = this.served(name);
    return version === undefined ? given(served.newest) : find(served, name, version);
  }

  /**
   * The model that gets a request: without a version the split of the traffic decides, or the newest serves.
   * @throws NestorError MODEL_NOT_FOUND or VERSION_NOT_FOUND.
   */
  route(name: string, version?: string): Model {
    const served = this.served(name);
    return version === undefined ? given(served.pick(Math.random())) : find(served, name, version);
  }
}

function find(served: ServedModel, name: string, version: string): Model {
  const model = served.find(version);
  if (model) return model;
  const known = [...served.versions.map((candidate) => candidate.version), ...served.routing.labels.keys()].join(', ');
  throw new NestorError('VERSION_NOT_FOUND', `The model ${name} has no version ${JSON.stringify(version)}, it has ${known}`, {
    field: 'version',
  });
}

function given(model: Model | undefined): Model {
  if (!model) throw new Error('a served model without a version; this is a bug');
  return model;
}
