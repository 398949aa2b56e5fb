// What a model is for, from what lies in its folder.
import { describe, expect, it } from '@jest/globals';
import { Signature } from './signature.js';
import { taskOf, type Clues, type Task } from './task.js';

const wire = (name: string) => ({ name, type: 'float32', shape: ['n', 2] }) as const;
const signature = (inputs: string[], outputs: string[]) => Signature.of({ inputs: inputs.map(wire), outputs: outputs.map(wire) });
const TEXT = signature(['input_ids', 'attention_mask'], ['logits']);
const BASE = signature(['input_ids', 'attention_mask'], ['last_hidden_state']);
const PAIRS = signature(['input_ids', 'pixel_values', 'attention_mask'], ['text_embeds', 'image_embeds']);
const ROWS = signature(['x'], ['label', 'probabilities']);
const SEVERAL = signature(['x', 'y'], ['z']);

const cases: readonly (readonly [Task, string, Partial<Clues>])[] = [
  ['embeddings', 'a text model without logits', { signature: BASE, hasTokenizer: true, hasLabels: true }],
  ['tensors', 'a text model that takes pictures too', { signature: PAIRS, hasTokenizer: true }],
  ['text-classification', 'a text model with logits and labels', { signature: TEXT, hasTokenizer: true, hasLabels: true }],
  ['embeddings', 'a text model whose logits have no names', { signature: TEXT, hasTokenizer: true }],
  ['image-classification', 'a model with labels and an image recipe', { hasLabels: true, hasImageRecipe: true }],
  ['classification', 'a model of one input with labels', { hasLabels: true }],
  ['tensors', 'a model of several inputs with labels', { signature: SEVERAL, hasLabels: true }],
  ['tensors', 'a model without labels', { hasImageRecipe: true }],
  ['tensors', 'a model beside a tokenizer for something else', { hasTokenizer: true }],
  ['tensors', 'a model of which nothing is known', {}],
];

describe('taskOf', () => {
  it.each(cases)('is %s for %s', (task, _, clues) => {
    expect(taskOf({ signature: ROWS, hasTokenizer: false, hasImageRecipe: false, hasLabels: false, ...clues })).toBe(task);
  });
});
