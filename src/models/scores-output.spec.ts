// The output that holds the scores of the classes, found by its shape.
import { describe, expect, it } from '@jest/globals';
import { scoresOutput } from './scores-output.js';
import { Signature } from './signature.js';

const ABC = ['a', 'b', 'c'];

describe('scoresOutput', () => {
  const of = (labels: string[] | undefined, ...outputs: (readonly [string, 'float32' | 'int64', (number | string)[]])[]) => {
    const signature = Signature.of({ inputs: [], outputs: outputs.map(([name, type, shape]) => ({ name, type, shape })) });
    return scoresOutput(signature, labels)?.name;
  };

  it('is the float output of one number a class', () => {
    expect(of(ABC, ['label', 'int64', ['n']], ['probabilities', 'float32', ['n', 3]])).toBe('probabilities');
    expect(of(ABC, ['hidden', 'float32', ['n', 384]], ['logits', 'float32', ['n', 3]])).toBe('logits');
    expect(of(ABC, ['logits', 'float32', ['n', 'm']])).toBe('logits');
  });

  it('is none where the model has no classes, or no such output', () => {
    expect(of(undefined, ['logits', 'float32', ['n', 3]])).toBeUndefined();
    expect(of(ABC, ['label', 'int64', ['n', 3]], ['hidden', 'float32', ['n', 'm', 3]])).toBeUndefined();
  });
});
