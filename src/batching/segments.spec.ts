// Sequences that share rows: each is numbered in the mask, and gets its own outputs back.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NestorError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { arrange } from './arrangement.js';
import type { Item } from './item.js';
import type { Layout } from './layout.js';

const LAYOUT: Layout = {
  batches: true,
  segmentsBy: 'attention_mask',
  paddedInputs: new Map([
    ['input_ids', 0],
    ['attention_mask', 0],
  ]),
  paddedOutputs: new Set(['tokens']),
};

function sequence(ids: readonly number[]): Item {
  const shape = [1, ids.length];
  const inputs: Tensor[] = [
    { name: 'input_ids', datatype: 'INT64', shape, data: BigInt64Array.from(ids, BigInt) },
    { name: 'attention_mask', datatype: 'INT32', shape, data: new Int32Array(ids.length).fill(1) },
  ];
  return { inputs, rows: 1, length: ids.length, kind: '' };
}

/**
 * A model that knows nothing of the batcher: one vector `[sum of ids, count]` for each number that the mask holds, row by
 * row and upwards, and for each token its id twice.
 */
function model([ids, mask]: readonly Tensor[]): Tensor[] {
  const [rows = 0, width = 0] = ids?.shape ?? [];
  const vectors: number[] = [];
  for (let row = 0; row < rows; row++) {
    const segments = Array.from({ length: width }, (_, i) => Number(mask?.data[row * width + i]));
    for (let segment = 1; segment <= Math.max(...segments); segment++) {
      const own = segments.flatMap((number, i) => (number === segment ? [Number(ids?.data[row * width + i])] : []));
      vectors.push(
        own.reduce((sum, id) => sum + id, 0),
        own.length,
      );
    }
  }
  const tokens = Array.from<unknown>(ids?.data ?? []).flatMap((id) => [Number(id), Number(id)]);
  return [
    { name: 'vector', datatype: 'FP32', shape: [vectors.length / 2, 2], data: Float32Array.from(vectors) },
    { name: 'tokens', datatype: 'FP32', shape: [rows, width, 2], data: Float32Array.from(tokens) },
  ];
}

function expected(ids: readonly number[]): unknown[] {
  return [
    {
      name: 'vector',
      datatype: 'FP32',
      shape: [1, 2],
      data: Float32Array.of(
        ids.reduce((sum, id) => sum + id, 0),
        ids.length,
      ),
    },
    { name: 'tokens', datatype: 'FP32', shape: [1, ids.length, 2], data: Float32Array.from(ids.flatMap((id) => [id, id])) },
  ];
}

/** The cheapest rows and width of all, where each number of rows that need not be emptier is tried, the longest first into the emptiest row. */
function cheapest(lengths: readonly number[]): number[] {
  const order = lengths.toSorted((a, b) => b - a);
  const most = Math.ceil(order.reduce((sum, length) => sum + length, 0) / (order[0] ?? 1));
  const shapes = Array.from({ length: most }, (_, index) => {
    const rows = new Array<number>(index + 1).fill(0);
    for (const length of order) {
      const emptiest = rows.indexOf(Math.min(...rows));
      rows[emptiest] = (rows[emptiest] ?? 0) + length;
    }
    return [rows.length, Math.max(...rows)] as const;
  });
  const costs = shapes.map(([rows, width]) => rows * width * (1 + width / 2400));
  return [...(shapes[costs.indexOf(Math.min(...costs))] ?? [])];
}

const texts = (longest: number) =>
  fc.array(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: longest, size: 'max' }), { minLength: 1, maxLength: 12 });

describe('sequences that share rows', () => {
  it.each([20, 400])('get their own outputs back, in the order of the items, at lengths of up to %i', (longest) => {
    fc.assert(
      fc.property(texts(longest), (all) => {
        const { batch, split } = arrange(all.map(sequence), LAYOUT);
        expect(split(model(batch.inputs))).toEqual(all.map(expected));
        expect(batch.rows).toBe(all.length);
      }),
      { numRuns: 60 },
    );
  });

  it('waste little: never more than a row of their own for each, and the padding ratio says how much', () => {
    fc.assert(
      fc.property(texts(60), (all) => {
        const { batch } = arrange(all.map(sequence), LAYOUT);
        const tokens = all.reduce((sum, ids) => sum + ids.length, 0);
        const [rows = 0, width = 0] = batch.inputs[0]?.shape ?? [];
        expect(batch.paddingRatio).toBeCloseTo(1 - tokens / (rows * width), 9);
        const longest = Math.max(...all.map((ids) => ids.length));
        expect(rows * width).toBeLessThanOrEqual(all.length * longest);
      }),
      { numRuns: 60 },
    );
  });

  it.each([5, 60, 900])('lie in as many rows as is cheapest, at lengths of up to %i', (longest) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: longest }), { minLength: 2, maxLength: 40, size: 'max' }), (lengths) => {
        const { batch } = arrange(lengths.map((length) => sequence(new Array<number>(length).fill(1))), LAYOUT); // prettier-ignore
        expect(batch.inputs[0]?.shape).toEqual(cheapest(lengths));
      }),
      { numRuns: 60 },
    );
  });

  it('number the sequences of a row from one, and leave the rest zero', () => {
    const long = Array.from({ length: 300 }, () => 5);
    const { batch } = arrange([[7, 8], long, [9]].map(sequence), LAYOUT);
    const mask = batch.inputs.find(({ name }) => name === 'attention_mask');
    expect(mask?.shape).toEqual([1, 303]);
    expect([...(mask?.data.slice(298) ?? [])]).toEqual([1, 1, 2, 2, 3]);
  });

  it('leave a lone item as it came, its own mask included', () => {
    const item = sequence([4, 5, 6]);
    const masked: Item = { ...item, inputs: item.inputs.map((input, i) => (i === 1 ? { ...input, data: Int32Array.of(1, 0, 1) } : input)) };
    const { batch } = arrange([masked], LAYOUT);
    expect(batch.inputs).toEqual(masked.inputs);
  });

  it('refuse a model that puts out a vector a row instead', () => {
    const { split } = arrange([[1], [2], [3]].map(sequence), LAYOUT);
    const rows: Tensor = { name: 'vector', datatype: 'FP32', shape: [1, 2], data: new Float32Array(2) };
    expect(() => split([rows])).toThrow(NestorError);
    expect(() => split([rows])).toThrow(
      expect.objectContaining({ code: 'INFERENCE_FAILED', cause: expect.stringContaining('3 segments') }),
    );
  });
});
