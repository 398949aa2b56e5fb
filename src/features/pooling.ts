// Token vectors -> one vector a text, as Sentence Transformers' Pooling and Normalize modules do.
import { view, type Tensor } from '../tensor.js';

export type Pooling = 'mean' | 'cls' | 'max';

/** @param tokens `[1, tokens, d]`, padding already cut away. @returns `d` floats. */
export function pool(tokens: Tensor, pooling: Pooling): Float32Array {
  const [, count = 0, width = 0] = tokens.shape;
  const data = tokens.data as Float32Array;
  if (pooling === 'cls') return Float32Array.from(view(data, 0, width) as Float32Array);
  const pooled = new Float32Array(width).fill(pooling === 'max' ? -Infinity : 0);
  for (let token = 0; token < count; token++) {
    for (let i = 0; i < width; i++) {
      const value = data[token * width + i] ?? 0;
      pooled[i] = pooling === 'max' ? Math.max(pooled[i] ?? 0, value) : (pooled[i] ?? 0) + value / count;
    }
  }
  return pooled;
}

/** A copy of length one; the zero vector stays as it is. */
export function normalized(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length === 0 ? vector.slice() : vector.map((value) => value / length);
}
