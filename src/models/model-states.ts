// What is to be said of versions beside that they serve: being loaded, being unloaded, not loaded and why.
import type { ModelRegistry } from './model-registry.js';

/** The states of the Open Inference Protocol's repository index. */
export type State = 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING';

export interface ModelState {
  readonly name: string;
  /** Empty where the model as a whole could not be read. */
  readonly version: string;
  readonly state: State;
  /** Why it is in this state; empty where nothing is wrong. */
  readonly reason: string;
}

export class ModelStates {
  readonly #notes = new Map<string, Map<string, ModelState>>();

  note(name: string, version: string, state: State, reason = ''): void {
    const notes = this.#notes.get(name) ?? new Map<string, ModelState>();
    this.#notes.set(name, notes.set(version, { name, version, state, reason }));
  }

  /** Of a version, or of all versions of a name. */
  forget(name: string, version?: string): void {
    if (version !== undefined) this.#notes.get(name)?.delete(version);
    if (version === undefined || this.#notes.get(name)?.size === 0) this.#notes.delete(name);
  }

  /** Forgets why versions are not loaded that nobody wants any more. */
  keep(name: string, wanted: readonly string[]): void {
    for (const { version, state } of this.notes(name)) {
      if (state === 'UNAVAILABLE' && !wanted.includes(version)) this.forget(name, version);
    }
  }

  of(name: string, version: string): ModelState | undefined {
    return this.#notes.get(name)?.get(version);
  }

  /** All that is to be said of a name. */
  notes(name: string): ModelState[] {
    return [...(this.#notes.get(name)?.values() ?? [])];
  }

  /** One entry a version: those that serve as they do, with what is to be said of the files that should have replaced them. */
  index(registry: ModelRegistry): ModelState[] {
    const names = [...new Set([...registry.names, ...this.#notes.keys()])].sort();
    return names.flatMap((name) => {
      const serving = registry.versions(name);
      const others = this.notes(name).filter(({ version }) => !serving.some((model) => model.version === version));
      const entries = serving.map(({ version, instances }): ModelState => {
        const { reason = '' } = this.of(name, version) ?? {};
        if (instances.alive.ready > 0) return { name, version, state: 'READY', reason };
        return { name, version, state: 'UNAVAILABLE', reason: 'no worker of the model is alive' };
      });
      return [...entries, ...others];
    });
  }
}
