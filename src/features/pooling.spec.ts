// Token vectors pooled and normalized as Sentence Transformers does it.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Tensor } from '../tensor.js';
import { normalized, pool } from './pooling.js';

function tokens(...vectors: readonly (readonly number[])[]): Tensor {
  const width = vectors[0]?.length ?? 0;
  return { name: 'x', datatype: 'FP32', shape: [1, vectors.length, width], data: Float32Array.from(vectors.flat()) };
}

describe('pool', () => {
  const three = tokens([1, -9], [2, -6], [6, -3]);

  it('takes the mean, the first or the largest', () => {
    expect([...pool(three, 'mean')]).toEqual([3, -6]);
    expect([...pool(three, 'cls')]).toEqual([1, -9]);
    expect([...pool(three, 'max')]).toEqual([6, -3]);
  });

  it('takes the last token, weighs later tokens more, or divides by the root of their number', () => {
    expect([...pool(three, 'lasttoken')]).toEqual([6, -3]);
    // (1 x 1 + 2 x 2 + 3 x 6) / 6
    expect(pool(three, 'weightedmean')[0]).toBeCloseTo(23 / 6, 5);
    expect(pool(three, 'mean_sqrt_len_tokens')[0]).toBeCloseTo(9 / Math.sqrt(3), 5);
  });

  it('leaves out the tokens of a prompt', () => {
    expect([...pool(three, 'mean', 1)]).toEqual([4, -4.5]);
    expect([...pool(three, 'max', 1)]).toEqual([6, -3]);
    expect([...pool(three, 'cls', 1)]).toEqual([2, -6]);
    // Positions count from the start of the text: (2 x 2 + 3 x 6) / 5
    expect(pool(three, 'weightedmean', 1)[0]).toBeCloseTo(22 / 5, 5);
  });

  it('gives a vector of its own: changing it leaves the tokens alone', () => {
    pool(three, 'cls').fill(0);
    expect(three.data[0]).toBe(1);
  });

  it('gives the token itself where there is one', () => {
    for (const pooling of ['mean', 'cls', 'max'] as const) expect([...pool(tokens([0.5, -2]), pooling)]).toEqual([0.5, -2]);
  });
});

describe('normalized', () => {
  it('takes vectors as wide as a large vocabulary, and the largest and smallest of numbers', () => {
    expect(normalized(new Float32Array(250_002).fill(2))[0]).toBeCloseTo(1 / Math.sqrt(250_002), 8);
    for (const extreme of [3e38, 1e-40]) expect(normalized(Float32Array.of(extreme, extreme))[1]).toBeCloseTo(Math.SQRT1_2, 4);
  });

  it('has length one and the same direction', () => {
    const component = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 });
    fc.assert(
      fc.property(fc.array(component, { minLength: 1, maxLength: 384 }), (values) => {
        const vector = Float32Array.from(values);
        const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
        fc.pre(length > 1e-6);
        const unit = normalized(vector);
        expect(Math.hypot(...unit)).toBeCloseTo(1, 5);
        expect(unit[0]).toBeCloseTo((vector[0] ?? 0) / length, 5);
      }),
    );
  });

  it('leaves zero zero, and the original untouched', () => {
    expect([...normalized(new Float32Array(3))]).toEqual([0, 0, 0]);
    const vector = Float32Array.of(3, 4);
    expect([...normalized(vector)]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
    expect([...vector]).toEqual([3, 4]);
  });
});
