// Prompts that a graph cannot treat as its export says stop the load.
import { describe, expect, it } from '@jest/globals';
import { Manifest } from './manifest.js';
import type { ModelFiles } from './model-files.js';
import { promptPlan } from './prompt-plan.js';
import { Signature, type TensorSpec } from './signature.js';

const output = (name: string, ...shape: number[]): TensorSpec => ({ name, datatype: 'FP32', shape, axes: [] });
const pooling = new Signature([], [output('sentence_embedding', -1, 8)]);
const plain = new Signature([], [output('last_hidden_state', -1, -1, 8), output('sentence_embedding', -1, 8)]);

const plan = (files: Partial<ModelFiles>, signature = plain, manifest: Partial<Manifest> = {}) =>
  promptPlan(Object.assign(new Manifest(), manifest), files as ModelFiles, signature);

describe('promptPlan', () => {
  it('takes prompts and default of the export, those of the manifest first', () => {
    const files = { prompts: { query: 'q: ', passage: 'p: ' }, defaultPrompt: 'passage' };
    expect(plan(files).prompts.choose({})?.prefix).toBe('p: ');
    const { prompts } = plan(files, plain, { prompts: { query: 'ask: ' }, defaultPrompt: 'query' });
    expect([prompts.choose({})?.prefix, prompts.names]).toEqual(['ask: ', ['query', 'passage']]);
  });

  it('pools prompts with the text unless the export says otherwise', () => {
    expect(plan({}, pooling).includePrompt).toBe(true);
    expect(plan({ includePrompt: false }).includePrompt).toBe(false);
  });

  it('refuses to leave prompts out where the graph pools by itself, or where they are templates', () => {
    expect(() => plan({ includePrompt: false }, pooling)).toThrow('the graph pools by itself');
    expect(() => plan({ includePrompt: false }, plain, { prompts: { a: '<{{ text }}>' } })).toThrow('make the templates plain texts');
  });
});
