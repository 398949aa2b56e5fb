// What a model is for, found from what lies in its folder.
import { isTokenInput } from '../features/token-tensors.js';
import type { Signature } from './signature.js';

export const TASKS = ['embeddings', 'text-classification', 'image-classification', 'classification', 'tensors'] as const;
export type Task = (typeof TASKS)[number];

export interface Clues {
  readonly signature: Signature;
  readonly hasTokenizer: boolean;
  readonly hasImageRecipe: boolean;
  readonly hasLabels: boolean;
}

/** A text model with a logits output classifies; any other that needs nothing beside text embeds. Nothing known: plain tensors. */
export function taskOf({ signature, hasTokenizer, hasImageRecipe, hasLabels }: Clues): Task {
  if (hasTokenizer && signature.input('input_ids')) {
    if (signature.output('logits') && hasLabels) return 'text-classification';
    if (signature.inputs.every(({ name }) => isTokenInput(name))) return 'embeddings';
  }
  if (!hasLabels) return 'tensors';
  if (hasImageRecipe) return 'image-classification';
  return signature.inputs.length === 1 ? 'classification' : 'tensors';
}
