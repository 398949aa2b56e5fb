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

/** Of the traffic. */
interface Share {
  readonly model: Model;
  readonly weight: number;
}

const NO_ROUTING: Routing = { policy: NEWEST, labels: new Map(), traffic: new Map() };

export class ServedModel {
  readonly #shares: readonly Share[];

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

  /** By number or label. */
  find(version: string): Model | undefined {
    const number = this.routing.labels.get(version) ?? version;
    return this.versions.find((model) => model.version === number);
  }

  /** The newest that has a worker alive; the newest where none has. */
  get newest(): Model | undefined {
    return this.versions.findLast(isAlive) ?? this.versions.at(-1);
  }

  /** Who gets the next request, whatever the chance; undefined where several might. */
  get certain(): Model | undefined {
    return this.#live.length > 1 ? undefined : this.pick(0);
  }

  /**
   * Who gets the next request: by weight among the versions that have a share of the traffic and a worker alive, else the newest.
   * @param random from 0 to 1, 1 excluded.
   */
  pick(random: number): Model | undefined {
    const shares = this.#live;
    let rest = random * shares.reduce((sum, { weight }) => sum + weight, 0);
    for (const { model, weight } of shares) {
      rest -= weight;
      if (rest < 0) return model;
    }
    return this.newest;
  }

  /** Shares whose model has a worker alive. */
  get #live(): readonly Share[] {
    return this.#shares.filter(({ model }) => isAlive(model));
  }
}

function isAlive({ instances }: Model): boolean {
  return instances.alive.ready > 0;
}
