// What the models must answer, as scikit-learn and Python's onnxruntime said it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { FIXTURES, MODELS } from './paths.js';

export const MINILM = 'all-minilm-l6-v2';
export const WIDTH = 384;

export interface Sentence {
  readonly text: string;
  readonly ids: readonly number[];
  readonly vector: readonly number[];
}

function json(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** 200 texts with their token ids and vectors. */
export function sentences(): Sentence[] {
  const bytes = readFileSync(join(FIXTURES, 'minilm-vectors.f32'));
  const floats = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
  const texts = json(join(FIXTURES, 'minilm-sentences.json')) as Pick<Sentence, 'text' | 'ids'>[];
  return texts.map(({ text, ids }, index) => ({ text, ids, vector: floats.slice(index * WIDTH, (index + 1) * WIDTH) }));
}

/** Handwritten digits that the model was not trained on. */
export function digits(): { pixels: number[][]; labels: number[] } {
  return json(join(FIXTURES, 'digits-heldout.json')) as { pixels: number[][]; labels: number[] };
}

/** Frames of 32 ms. */
export function sound(name: 'speech' | 'silence'): number[][] {
  return (json(join(FIXTURES, `${name}.json`)) as { frames: number[][] }).frames;
}

export function picture(name: 'text-line-0' | 'text-line-180'): string {
  return readFileSync(join(FIXTURES, `${name}.png`)).toString('base64');
}

/** The body that a model's folder ships as its example. */
export function example(model: string, file = 'predict'): unknown {
  return json(join(MODELS, model, 'examples', `${file}.json`));
}

/** The largest difference of two vectors in any component. */
export function distance(a: readonly number[], b: readonly number[]): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - (b[index] ?? NaN))), 0);
}
