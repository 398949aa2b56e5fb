// What the axes of a model tell: whether rows share a tensor, and which axis is the sequence.
import { describe, expect, it } from '@jest/globals';
import type { WireMetadata } from '../runtime/messages.js';
import { Signature } from './signature.js';

function wire(name: string, shape: readonly (number | string)[], type: WireMetadata['type'] = 'float32'): WireMetadata {
  return { name, type, shape };
}

const BERT = Signature.of({
  inputs: ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => wire(name, ['batch', 'sequence'], 'int64')),
  outputs: [wire('last_hidden_state', ['batch', 'sequence', 384]), wire('sentence_embedding', ['batch', 384])],
});
const SILERO = Signature.of({
  inputs: [wire('input', ['', '']), wire('state', [2, '', 128]), wire('sr', [], 'int64')],
  outputs: [wire('output', ['', 1]), wire('stateN', ['', '', ''])],
});

describe('Signature', () => {
  it('names datatypes as the protocol does, and free axes -1', () => {
    expect(BERT.input('input_ids')).toEqual({
      name: 'input_ids',
      datatype: 'INT64',
      shape: [-1, -1],
      axes: ['batch', 'sequence'],
    });
    expect(BERT.output('sentence_embedding')).toMatchObject({ datatype: 'FP32', shape: [-1, 384], axes: ['batch', undefined] });
    expect(SILERO.input('state')).toMatchObject({ shape: [2, -1, 128], axes: [undefined, undefined, undefined] });
    expect([BERT.input('nothing'), BERT.output('input_ids')]).toEqual([undefined, undefined]);
  });

  it('takes a negative size for a free axis', () => {
    expect(Signature.of({ inputs: [wire('x', [-1, 3])], outputs: [] }).inputs[0]?.shape).toEqual([-1, 3]);
  });

  it('refuses a datatype that cannot be served', () => {
    expect(() => Signature.of({ inputs: [wire('x', [1], 'bfloat16' as 'float16')], outputs: [] })).toThrow('bfloat16');
  });
});

describe('the layout', () => {
  it('of a text model batches, and pads what has the axis of its attention mask', () => {
    expect(BERT.layout(undefined, 9)).toEqual({
      batches: true,
      paddedInputs: new Map([
        ['input_ids', 9],
        ['attention_mask', 0],
        ['token_type_ids', 0],
      ]),
      paddedOutputs: new Set(['last_hidden_state']),
    });
  });

  it('of a model whose first axes are not all free does not batch', () => {
    expect(SILERO.layout(undefined, 0)).toEqual({ batches: false, paddedInputs: new Map(), paddedOutputs: new Set() });
    const summary = Signature.of({ inputs: [wire('x', ['n', 4])], outputs: [wire('mean', [4])] });
    expect(summary.layout(undefined, 0).batches).toBe(false);
  });

  it('of a model without a mask batches rows, and pads nothing', () => {
    const digits = Signature.of({ inputs: [wire('x', ['n', 'm'])], outputs: [wire('y', ['n', 'm'])] });
    expect(digits.layout(undefined, 0)).toEqual({ batches: true, paddedInputs: new Map(), paddedOutputs: new Set() });
  });

  it('pads no axis that has another name than the sequence', () => {
    const { paddedInputs, paddedOutputs } = Signature.of({
      inputs: [wire('attention_mask', ['n', 'sequence'], 'int64'), wire('features', ['n', 'features'])],
      outputs: [wire('tokens', ['n', 'sequence']), wire('classes', ['n', 'classes'])],
    }).layout(undefined, 0);
    expect([[...paddedInputs.keys()], [...paddedOutputs]]).toEqual([['attention_mask'], ['tokens']]);
  });

  it.each([
    ['the mask does not name its axis', ['n', ''], ['n', '', 4]],
    ['an output calls the sequence by another name', ['n', 'sequence'], ['n', 'tokens', 4]],
    ['an output does not name a free axis', ['n', 'sequence'], ['n', '']],
  ])('pads nothing where %s: padding that cannot be cut away would be pooled', (_, mask, output) => {
    const { batches, paddedInputs } = Signature.of({
      inputs: [wire('attention_mask', mask, 'int64'), wire('input_ids', mask, 'int64')],
      outputs: [wire('last_hidden_state', output)],
    }).layout(undefined, 0);
    expect([batches, paddedInputs.size]).toEqual([true, 0]);
  });

  it('of a mask of fixed length pads nothing', () => {
    const fixed = Signature.of({ inputs: [wire('attention_mask', ['n', 128], 'int64')], outputs: [wire('y', ['n', 2])] });
    expect(fixed.layout(undefined, 0).paddedInputs.size).toBe(0);
  });

  it('is what the manifest says, whatever the axes', () => {
    expect(BERT.layout(false, 0)).toEqual({ batches: false, paddedInputs: new Map(), paddedOutputs: new Set() });
    expect(SILERO.layout(true, 0).batches).toBe(true);
  });
});
