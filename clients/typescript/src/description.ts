// What the server says of itself: models and health.
import type { Datatype } from './tensor.js';

export interface ModelCard {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** Known of models that are loaded. */
  readonly task?: string;
  /** `unloaded`: it is loaded with its next request. */
  readonly versions: readonly { readonly version: string; readonly state: 'ready' | 'unavailable' | 'unloaded' | 'loading' }[];
  /** Versions by label, where there are labels. */
  readonly version_labels?: Readonly<Record<string, string>>;
  /** Shares of the requests that name no version, by version or label. */
  readonly traffic?: Readonly<Record<string, number>>;
}

export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** -1 is free. */
  readonly shape: readonly number[];
  /** Names of the axes, where the graph has some. */
  readonly axes: readonly (string | null)[];
}

/** A model with the signature of its newest version. */
export interface ModelDetails extends ModelCard {
  readonly task: string;
  readonly version: string;
  readonly provider: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly labels?: readonly string[];
  /** Most tokens of a text. */
  readonly max_length?: number;
}

/** With what it has to say of itself: a message, or a line for every model. `degraded`: slower, as without its cache, and still right. */
export type Check = { readonly status: 'up' | 'degraded' | 'down' } & Readonly<Record<string, unknown>>;

export interface Health {
  /** Whether the server may be sent traffic. */
  readonly ready: boolean;
  /** Every check by name: traffic, device, models, cache. */
  readonly checks: Readonly<Record<string, Check>>;
}
