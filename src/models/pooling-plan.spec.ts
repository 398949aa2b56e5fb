// Exports that do more with pooled vectors than Nestor does are served from graphs that do it, and from no others.
import { describe, expect, it } from '@jest/globals';
import { Manifest } from './manifest.js';
import type { ModelFiles } from './model-files.js';
import type { Task } from './task.js';
import { poolingPlan } from './pooling-plan.js';
import { Signature, type TensorSpec } from './signature.js';

const output = (name: string, ...shape: number[]): TensorSpec => ({ name, datatype: 'FP32', shape, axes: [] });
const TOKENS = output('last_hidden_state', -1, -1, 8);
const plain = new Signature([], [TOKENS]);
const whole = new Signature([], [TOKENS, output('sentence_embedding', -1, 8)]);
const LABSE = { graphModules: ['Dense'], pooling: 'cls', normalize: true } as const;

const plan = (files: Partial<ModelFiles>, signature: Signature, task: Task = 'embeddings') =>
  poolingPlan(new Manifest(), files as ModelFiles, signature, task);

describe('poolingPlan', () => {
  it('takes what the export says, mean where it says nothing', () => {
    expect(plan({ pooling: 'cls', normalize: true }, plain)).toEqual({ pooling: 'cls', normalize: true, poolsInGraph: false });
    expect(plan({}, plain)).toEqual({ pooling: 'mean', normalize: false, poolsInGraph: false });
  });

  it('refuses a graph of token vectors where the export has a dense layer behind them, and names it', () => {
    const message = 'modules.json has Dense, which Nestor does not do: export the graph with it';
    expect(() => plan(LABSE, plain)).toThrow(message);
    expect(() => plan({ ...LABSE, includePrompt: false }, whole)).toThrow(message);
  });

  it('takes a graph that has the dense layer, and one whose vectors are no embeddings', () => {
    expect(plan(LABSE, whole)).toEqual({ pooling: 'cls', normalize: true, poolsInGraph: true });
    expect(plan(LABSE, plain, 'tensors')).toMatchObject({ poolsInGraph: true });
  });
});
