// Scores become classes with names, probabilities where the manifest says how.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Model } from '../models/model.js';
import type { Tensor } from '../tensor.js';
import { classify } from './classification.js';

function model(partial: Partial<Model>): Model {
  return partial as Model;
}

function scores(...rows: readonly (readonly number[])[]): Tensor {
  return { name: 'scores', datatype: 'FP32', shape: [rows.length, rows[0]?.length ?? 0], data: Float32Array.from(rows.flat()) };
}

const ABC = ['a', 'b', 'c'];

describe('classify', () => {
  it('names the best of each row and the score of every class', () => {
    const rows = classify(model({ labels: ABC, activation: 'none' }), scores([1, 3, 2], [-1, -3, -2]));
    expect(rows).toEqual([
      { label: 'b', score: 3, scores: { a: 1, b: 3, c: 2 } },
      { label: 'a', score: -1, scores: { a: -1, b: -3, c: -2 } },
    ]);
  });

  it('makes probabilities of logits, however large', () => {
    const logits = fc.array(fc.double({ min: -1e30, max: 1e30, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(logits, (row) => {
        const [soft] = classify(model({ labels: ABC, activation: 'softmax' }), scores(row));
        const [sigmoid] = classify(model({ labels: ABC, activation: 'sigmoid' }), scores(row));
        const total = Object.values(soft?.scores ?? {}).reduce((sum, score) => sum + score, 0);
        expect(total).toBeCloseTo(1, 5);
        for (const score of Object.values({ ...soft?.scores, ...sigmoid?.scores })) expect(score >= 0 && score <= 1).toBe(true);
        expect(soft?.scores[soft.label]).toBe(soft?.score);
      }),
    );
  });

  it('leaves the scores of the model as they are', () => {
    const tensor = scores([1, 3, 2]);
    classify(model({ labels: ABC, activation: 'softmax' }), tensor);
    expect([...tensor.data]).toEqual([1, 3, 2]);
  });

  it('fails where there are more or fewer scores than names, and says so in the log alone', () => {
    expect(() => classify(model({ labels: ABC, activation: 'none' }), scores([1, 2]))).toThrow(
      expect.objectContaining({ code: 'INFERENCE_FAILED', message: expect.not.stringContaining('2'), cause: '2 scores for 3 labels' }),
    );
  });
});
