// The versions of one model that serve, and who gets a request that names none.
import type { Model } from './model.js';
import { NEWEST, type VersionPolicy } from './versions.js';

export interface Routing {
  /** Which versions serve, beside those with a label or a share. */
  readonly policy: VersionPolicy;
  /** Versions by label: `stable`, `canary`. */
  readonly labels: ReadonlyMap<string, string>;
  /** Shares of the requests that name no version, by version or label; empty where the newest gets all. */
  readonly traffic: ReadonlyMap<string, number>;
}

const NO_ROUTING: Routing = { policy: NEWEST, labels: new Map(), traffic: new Map() };

export class ServedModel {
  readonly #shares: readonly { readonly model: Model; readonly weight: number }[];

  /** @param versions oldest first, at least one. */
  constructor(
    readonly versions: readonly Model[],
    readonly routing: Routing = NO_ROUTING,
  ) {
    this.#shares = [...routing.traffic].flatMap(([key, weight]) => {
      const model = this.find(key);
      return model && weight > 0 ? [{ model, weight }] : [];
    });
  }

  /** Requests that name no version go to several. */
  get split(): boolean {
    return this.#shares.length > 1;
  }

  /** By number or label. */
  find(version: string): Model | undefined {
    const number = this.routing.labels.get(version) ?? version;
    return this.versions.find((model) => model.version === number);
  }

  /** The newest that has a worker alive; the newest where none has. */
  get newest(): Model | undefined {
    return this.versions.findLast(isAlive) ?? this.versions.at(-1);
  }

  /**
   * Who gets the next request: by weight among the versions that have a share of the traffic and a worker alive, else the newest.
   * @param random from 0 to 1, 1 excluded.
   */
  pick(random: number): Model | undefined {
    const shares = this.#shares.filter(({ model }) => isAlive(model));
    let rest = random * shares.reduce((sum, { weight }) => sum + weight, 0);
    for (const { model, weight } of shares) {
      rest -= weight;
      if (rest < 0) return model;
    }
    return this.newest;
  }
}

function isAlive({ instances }: Model): boolean {
  return instances.alive.ready > 0;
}
