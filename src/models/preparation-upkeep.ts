// While the server runs: says which preparations it serves from, and removes those that nobody uses any more.
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ModelRegistry } from './model-registry.js';
import { PreparedModels } from './prepared-models.js';

const EVERY_MS = 3_600_000;

@Injectable()
export class PreparationUpkeep implements OnApplicationBootstrap, OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly models: ModelRegistry,
    private readonly prepared: PreparedModels,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(
      () => void this.prepared.upkeep(this.models.all.flatMap(({ memory }) => memory.weightsPath ?? [])),
      EVERY_MS,
    ).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }
}
