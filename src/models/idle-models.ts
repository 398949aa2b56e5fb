// Which of the models that come when they are used may go: nobody uses them now, or has for long.
import type { Manifest } from './manifest.js';
import type { Model } from './model.js';
import type { ModelRegistry } from './model-registry.js';

type LoadingRules = NonNullable<Manifest['loading']>;

export class IdleModels {
  /** What the manifests of those that serve say of when they do. */
  readonly #rules = new Map<string, LoadingRules>();

  /** @param busy something is being done to the model of that name. */
  constructor(
    private readonly models: ModelRegistry,
    private readonly busy: (name: string) => boolean,
  ) {}

  follow(name: string, rules: LoadingRules | undefined): void {
    if (rules) this.#rules.set(name, rules);
    else this.#rules.delete(name);
  }

  /** Names of models that come again when they are used and that nobody uses, the one that was used longest ago first. */
  get spare(): string[] {
    const resting = (name: string): boolean =>
      this.#rules.get(name)?.onDemand === true && !this.busy(name) && this.models.versions(name).every(isIdle);
    return this.models.names.filter(resting).sort((a, b) => this.#lastUse(a) - this.#lastUse(b));
  }

  /** Those of them that have not been used for longer than their manifests allow. */
  get expired(): string[] {
    const idleMs = (name: string): number => (this.#rules.get(name)?.idleSeconds ?? Infinity) * 1000;
    return this.spare.filter((name) => performance.now() - this.#lastUse(name) > idleMs(name));
  }

  #lastUse(name: string): number {
    return Math.max(...this.models.versions(name).map(({ usage }) => usage.lastUsed));
  }
}

function isIdle({ usage, batcher }: Model): boolean {
  return usage.idle && batcher.idle;
}
