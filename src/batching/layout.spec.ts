// Merging and splitting: every item gets its own rows back, whatever travelled beside it.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allocate, DATATYPES, elementCount, type Datatype, type Tensor, type TensorData } from '../tensor.js';
import type { Item } from './item.js';
import { merge, split, type Layout } from './layout.js';

const PAD = 7;
const SEQUENCES: Layout = {
  batches: true,
  paddedInputs: new Map([
    ['ids', PAD],
    ['mask', 0],
    ['words', 0],
  ]),
  paddedOutputs: new Set(['ids', 'mask', 'words']),
};
const ROWS: Layout = { batches: true, paddedInputs: new Map(), paddedOutputs: new Set() };

/** A tensor whose every element differs from that of its neighbours, and from padding. */
function tensor(name: string, datatype: Datatype, shape: readonly number[], seed: number): Tensor {
  const data = allocate(datatype, elementCount(shape));
  for (let i = 0; i < data.length; i++) set(data, i, 8 + ((seed + i) % 100));
  return { name, datatype, shape, data };
}

function set(data: TensorData, index: number, value: number): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = BigInt(value);
  else if (Array.isArray(data)) data[index] = `word ${value}`;
  else data[index] = value;
}

interface Size {
  readonly rows: number;
  readonly length: number;
  readonly seed: number;
}

function sequence({ rows, length, seed }: Size): Item {
  const inputs = [
    tensor('ids', 'INT64', [rows, length], seed),
    tensor('mask', 'INT32', [rows, length], seed + 1),
    tensor('words', 'BYTES', [rows, length], seed + 2),
    tensor('features', 'FP16', [rows, 3], seed + 3),
    tensor('flag', 'BOOL', [rows], seed + 4),
  ];
  return { inputs, rows, length, kind: '' };
}

const sizes = fc.array(fc.record({ rows: fc.integer({ min: 1, max: 4 }), length: fc.integer({ min: 1, max: 12 }), seed: fc.nat(1000) }), {
  minLength: 1,
  maxLength: 8,
});

describe('merge and split', () => {
  it('give every item of any datatype its own rows back, the padding cut away', () => {
    fc.assert(
      fc.property(sizes, (all) => {
        const items = all.map(sequence);
        // The identity model: what comes in goes out.
        const { inputs } = merge(items, SEQUENCES);
        expect(split(inputs, items, SEQUENCES)).toEqual(items.map((item) => item.inputs));
      }),
    );
  });

  it.each(Object.keys(DATATYPES) as Datatype[])('carry rows of %s', (datatype) => {
    const items = [2, 1, 3].map((rows, seed): Item => {
      return { inputs: [tensor('x', datatype, [rows, 2, 2], seed * 40)], rows, length: 1, kind: '' };
    });
    const batch = merge(items, ROWS);
    expect(batch.inputs[0]?.shape).toEqual([6, 2, 2]);
    expect(batch.inputs[0]?.datatype).toBe(datatype);
    expect(split(batch.inputs, items, ROWS)).toEqual(items.map((item) => item.inputs));
  });

  it('pads each input with its own value, at the end of the row', () => {
    const items = [sequence({ rows: 1, length: 1, seed: 0 }), sequence({ rows: 1, length: 3, seed: 10 })];
    const [ids, mask, words, features] = merge(items, SEQUENCES).inputs;
    expect(ids).toMatchObject({ shape: [2, 3], data: BigInt64Array.of(8n, 7n, 7n, 18n, 19n, 20n) });
    expect(mask).toMatchObject({ shape: [2, 3], data: Int32Array.of(9, 0, 0, 19, 20, 21) });
    expect(words).toMatchObject({ shape: [2, 3], data: ['word 10', '', '', 'word 20', 'word 21', 'word 22'] });
    expect(features?.shape).toEqual([2, 3]);
  });

  it('say which share of the batch is padding', () => {
    const ratio = (...lengths: number[]): number =>
      merge(
        lengths.map((length) => sequence({ rows: 2, length, seed: 0 })),
        SEQUENCES,
      ).paddingRatio;
    expect(ratio(5)).toBe(0);
    expect(ratio(4, 4, 4)).toBe(0);
    expect(ratio(1, 4)).toBeCloseTo(3 / 8, 12);
    expect(ratio(2, 3, 4)).toBeCloseTo(3 / 12, 12);
  });

  it('count the rows of the batch', () => {
    expect(merge([sequence({ rows: 3, length: 2, seed: 0 }), sequence({ rows: 2, length: 2, seed: 0 })], SEQUENCES).rows).toBe(5);
  });

  it('copy: the buffers of a batch can move to another thread while the items keep theirs', () => {
    const item = sequence({ rows: 1, length: 4, seed: 0 });
    for (const input of merge([item], SEQUENCES).inputs) {
      const own = item.inputs.find(({ name }) => name === input.name);
      if (ArrayBuffer.isView(input.data) && ArrayBuffer.isView(own?.data)) expect(input.data.buffer).not.toBe(own.data.buffer);
    }
  });

  it('leave a model that does not batch its tensors, scalars included, as they are', () => {
    const layout: Layout = { batches: false, paddedInputs: new Map(), paddedOutputs: new Set() };
    const inputs = [tensor('state', 'FP32', [2, 1, 3], 0), tensor('rate', 'INT64', [], 5)];
    const items: Item[] = [{ inputs, rows: 1, length: 1, kind: '' }];
    const batch = merge(items, layout);
    expect(batch.inputs).toEqual(inputs);
    expect(split(batch.inputs, items, layout)).toEqual([inputs]);
  });

  it('refuse the outputs of a model that does not keep rows, and say so in the log alone', () => {
    const items = [sequence({ rows: 2, length: 1, seed: 0 })];
    const summary = tensor('summary', 'FP32', [1, 4], 0);
    expect(() => split([summary], items, SEQUENCES)).toThrow(
      expect.objectContaining({
        code: 'INFERENCE_FAILED',
        message: expect.not.stringContaining('summary'),
        cause: expect.stringContaining('output summary has shape [1,4] for a batch of 2 rows'),
      }),
    );
  });

  it('accept an output whose sequence the model has shortened already', () => {
    const items = [sequence({ rows: 1, length: 5, seed: 0 }), sequence({ rows: 1, length: 2, seed: 0 })];
    const short = tensor('ids', 'INT64', [2, 2], 0);
    expect(split([short], items, SEQUENCES).map(([part]) => part?.shape)).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });
});

describe('a large tensor that travels alone', () => {
  const item = (bytes: number, owned: boolean): Item => ({
    inputs: [tensor('x', 'FP32', [1, bytes / 4], 0)],
    rows: 1,
    length: 1,
    kind: '',
    owned,
  });
  const moved = (...items: Item[]): boolean => merge(items, ROWS).inputs[0]?.data === items[0]?.inputs[0]?.data;

  it("moves as it is, if it is nobody else's", () => {
    expect(moved(item(256 * 1024, true))).toBe(true);
    expect(moved(item(256 * 1024, false))).toBe(false);
  });

  it('is copied into a batch, and where it may lie in memory that others share', () => {
    expect(moved(item(256 * 1024, true), item(256 * 1024, true))).toBe(false);
    expect(moved(item(1024, true))).toBe(false);
  });
});
