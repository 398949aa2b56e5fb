// A model as the routes describe it.
import type { Model } from '../models/model.js';
import type { SleepingModel } from '../models/model-manager.js';
import type { ServedModel } from '../models/served-model.js';
import type { TensorSpec } from '../models/signature.js';

export interface ModelCard {
  readonly id: string;
  readonly object: 'model';
  /** Seconds since 1970. */
  readonly created: number;
  readonly owned_by: string;
  /** Known of models that are loaded. */
  readonly task?: string;
  /** `unloaded`: it is loaded with its next request. */
  readonly versions: readonly { readonly version: string; readonly state: 'ready' | 'unavailable' | 'unloaded' | 'loading' }[];
  /** Versions by label, where there are labels. */
  readonly version_labels?: Readonly<Record<string, string>>;
  /** Shares of the requests that name no version, by version or label, where it is split. */
  readonly traffic?: Readonly<Record<string, number>>;
}

export interface ModelDetails extends ModelCard {
  readonly task: string;
  readonly version: string;
  readonly provider: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly labels?: readonly string[];
  readonly max_length?: number;
}

export function modelCard({ versions, routing: { labels, traffic } }: ServedModel, newest: Model): ModelCard & { readonly task: string } {
  return {
    id: newest.name,
    object: 'model',
    created: newest.readyAt,
    owned_by: 'nestor',
    task: newest.task,
    versions: versions.map(({ version, instances }) => ({ version, state: instances.alive.ready > 0 ? 'ready' : 'unavailable' })),
    ...(labels.size > 0 && { version_labels: Object.fromEntries(labels) }),
    ...(traffic.size > 0 && { traffic: Object.fromEntries(traffic) }),
  };
}

export function sleepingCard({ name, since, versions }: SleepingModel): ModelCard {
  return {
    id: name,
    object: 'model',
    created: since,
    owned_by: 'nestor',
    versions: versions.map(({ version, state }) => ({ version, state: state === 'LOADING' ? 'loading' : 'unloaded' })),
  };
}

export function modelDetails(served: ServedModel, model: Model): ModelDetails {
  const { version, provider, signature, labels, tokenizer } = model;
  const maxLength = tokenizer?.maxLength;
  return {
    ...modelCard(served, model),
    version,
    provider,
    inputs: signature.inputs,
    outputs: signature.outputs,
    ...(labels && { labels }),
    ...(maxLength !== undefined && { max_length: maxLength }),
  };
}
