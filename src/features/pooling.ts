// Token vectors -> one vector a text, as Sentence Transformers' Pooling and Normalize modules do.
import { view, type Tensor } from '../tensor.js';

/** Sentence Transformers' modes by their names there, https://sbert.net/docs/package_reference/sentence_transformer/modules.html. */
export const POOLINGS = ['mean', 'cls', 'max', 'lasttoken', 'mean_sqrt_len_tokens', 'weightedmean'] as const;
export type Pooling = (typeof POOLINGS)[number];

/**
 * @param tokens `[1, tokens, d]`, padding already cut away, at least one token left after those skipped.
 * @param skipped tokens at the start that are left out: those of a prompt, where the model was trained so.
 * @returns `d` floats.
 */
export function pool(tokens: Tensor, pooling: Pooling, skipped = 0): Float32Array {
  const [, count = 0, width = 0] = tokens.shape;
  const data = tokens.data as Float32Array;
  const one = (token: number): Float32Array => Float32Array.from(view(data, token * width, (token + 1) * width) as Float32Array);
  // As of Sentence Transformers 6; before, it was the first of all, a prompt's or not.
  if (pooling === 'cls') return one(skipped);
  if (pooling === 'lasttoken') return one(count - 1);
  const pooled = new Float32Array(width).fill(pooling === 'max' ? -Infinity : 0);
  const divisor = divisorOf(pooling, skipped, count);
  for (let token = skipped; token < count; token++) {
    const weight = pooling === 'weightedmean' ? token + 1 : 1;
    for (let i = 0; i < width; i++) {
      const value = data[token * width + i] ?? 0;
      pooled[i] = pooling === 'max' ? Math.max(pooled[i] ?? 0, value) : (pooled[i] ?? 0) + (value * weight) / divisor;
    }
  }
  return pooled;
}

/** What the sum of the weighted tokens from here to there is divided by; positions count from the start of the text, skipped or not. */
function divisorOf(pooling: Pooling, from: number, to: number): number {
  if (pooling === 'weightedmean') return ((from + 1 + to) * (to - from)) / 2;
  return pooling === 'mean_sqrt_len_tokens' ? Math.sqrt(to - from) : to - from;
}

/** A copy of length one; the zero vector stays as it is. */
export function normalized(vector: Float32Array): Float32Array {
  // Squares of 32-bit floats neither overflow nor vanish in 64; as arguments of a function 250,000 of them, a large vocabulary, are too many.
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? vector.slice() : vector.map((value) => value / length);
}
