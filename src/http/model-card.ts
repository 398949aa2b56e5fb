// A model as the routes describe it.
import { NestorError } from '../errors.js';
import type { Model } from '../models/model.js';
import type { TensorSpec } from '../models/signature.js';

export interface ModelCard {
  readonly id: string;
  readonly object: 'model';
  /** Seconds since 1970. */
  readonly created: number;
  readonly owned_by: string;
  readonly task: string;
  readonly versions: readonly { readonly version: string; readonly state: 'ready' | 'unavailable' }[];
}

export interface ModelDetails extends ModelCard {
  readonly version: string;
  readonly provider: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly labels?: readonly string[];
  readonly max_length?: number;
}

export function modelCard(versions: readonly Model[]): ModelCard {
  const newest = versions.at(-1);
  if (!newest) throw new NestorError('MODEL_NOT_FOUND', 'There is no such model', { field: 'model' });
  return {
    id: newest.name,
    object: 'model',
    created: newest.readyAt,
    owned_by: 'nestor',
    task: newest.task,
    versions: versions.map(({ version, instances }) => ({ version, state: instances.alive.ready > 0 ? 'ready' : 'unavailable' })),
  };
}

export function modelDetails(model: Model, versions: readonly Model[]): ModelDetails {
  const { version, provider, signature, labels, tokenizer } = model;
  const maxLength = tokenizer?.maxLength;
  return {
    ...modelCard(versions),
    version,
    provider,
    inputs: signature.inputs,
    outputs: signature.outputs,
    ...(labels && { labels }),
    ...(maxLength !== undefined && { max_length: maxLength }),
  };
}
