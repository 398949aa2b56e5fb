// Requests cut into items and joined again: nothing is lost, nothing changes places.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bytesOf } from '../batching/item.js';
import type { Layout } from '../batching/layout.js';
import type { Model } from '../models/model.js';
import { allocate, elementCount, type Datatype, type Tensor } from '../tensor.js';
import { joinOutputs, toItems } from './items.js';

const ROWS: Layout = { batches: true, paddedInputs: new Map(), paddedOutputs: new Set() };
const SEQUENCES: Layout = { batches: true, paddedInputs: new Map([['a', 0]]), paddedOutputs: new Set(['a']) };

function model(layout: Layout, maxRows = 4): Model {
  const partial: Partial<Model> = { layout, maxRows };
  return partial as Model;
}

function tensor(name: string, datatype: Datatype, shape: readonly number[]): Tensor {
  const data = allocate(datatype, elementCount(shape));
  for (let i = 0; i < data.length; i++) {
    if (Array.isArray(data)) data[i] = `${name}${i}`;
    else if (data instanceof BigInt64Array) data[i] = BigInt(i);
    else data[i] = i % 250;
  }
  return { name, datatype, shape, data };
}

const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 40 }),
  length: fc.integer({ min: 1, max: 6 }),
  maxRows: fc.integer({ min: 1, max: 16 }),
  layout: fc.constantFrom(ROWS, SEQUENCES),
});

describe('toItems and joinOutputs', () => {
  it('give back what they were given', () => {
    fc.assert(
      fc.property(sizes, ({ rows, length, maxRows, layout }) => {
        const inputs = [tensor('a', 'INT64', [rows, length]), tensor('b', 'FP32', [rows]), tensor('c', 'BYTES', [rows, 2, 2])];
        const items = toItems(model(layout, maxRows), inputs);
        expect(joinOutputs(items.map((item) => item.inputs))).toEqual(inputs);
        expect(items.reduce((sum, item) => sum + item.rows, 0)).toBe(rows);
        for (const item of items) {
          expect(item.rows).toBeLessThanOrEqual(layout === SEQUENCES ? 1 : maxRows);
          expect(item.inputs.every(({ shape }) => shape[0] === item.rows)).toBe(true);
        }
      }),
    );
  });

  it('cannot join sequences of different lengths as one tensor, and say which output it is', () => {
    const parts = [2, 3, 1].map((length) => [tensor('a', 'FP32', [1, length, 2])]);
    expect(() => joinOutputs(parts)).toThrow(
      expect.objectContaining({ code: 'NOT_ACCEPTABLE', field: 'outputs', message: expect.stringContaining('output a ') }),
    );
  });
});

describe('toItems', () => {
  it('cuts sequences one by one, with their length', () => {
    const items = toItems(model(SEQUENCES), [tensor('a', 'INT64', [3, 5])]);
    expect(items.map(({ rows, length }) => [rows, length])).toEqual([
      [1, 5],
      [1, 5],
      [1, 5],
    ]);
  });

  it('cuts rows of fixed shape into batches', () => {
    const items = toItems(model(ROWS, 4), [tensor('a', 'FP32', [10, 3])]);
    expect(items.map(({ rows, length }) => [rows, length])).toEqual([
      [4, 1],
      [4, 1],
      [2, 1],
    ]);
  });

  it('copies nothing', () => {
    const input = tensor('a', 'FP32', [10, 3]);
    for (const item of toItems(model(ROWS, 4), [input])) {
      const data = item.inputs[0]?.data as Float32Array;
      expect(data.buffer).toBe((input.data as Float32Array).buffer);
    }
  });

  it('cuts nothing before it travels, and then once', () => {
    const { proxy, revoke } = Proxy.revocable(new Float32Array(10), {});
    revoke();
    const [unseen] = toItems(model(SEQUENCES), [{ name: 'a', datatype: 'FP32', shape: [10, 1], data: proxy }]);
    expect(() => unseen?.inputs).toThrow('revoked');
    const [item] = toItems(model(SEQUENCES), [tensor('a', 'FP32', [10, 1])]);
    expect(item?.inputs).toBe(item?.inputs);
  });

  it('says how many bytes travel', () => {
    const inputs = [tensor('a', 'FP32', [10, 3]), tensor('b', 'INT64', [10])];
    expect(toItems(model(ROWS, 4), inputs).map(bytesOf)).toEqual([80, 80, 40]);
    expect(toItems(model(ROWS, 10), inputs).map(bytesOf)).toEqual([200]);
  });

  it('calls of one kind what differs in rows and length alone', () => {
    const kind = (layout: Layout, ...shape: number[]) => toItems(model(layout), [tensor('a', 'FP32', shape)])[0]?.kind;
    expect(kind(SEQUENCES, 1, 5, 2)).toBe(kind(SEQUENCES, 3, 9, 2));
    expect(kind(SEQUENCES, 1, 5, 2)).not.toBe(kind(SEQUENCES, 1, 5, 3));
    expect(kind(ROWS, 1, 5)).toBe(kind(ROWS, 2, 5));
    expect(kind(ROWS, 1, 5)).not.toBe(kind(ROWS, 1, 6));
    expect(kind(ROWS, 1, 11)).not.toBe(kind(ROWS, 1, 1, 1));
  });

  it('leaves the tensors of a model that does not batch together', () => {
    const inputs = [tensor('a', 'FP32', [2, 5]), tensor('rate', 'INT64', [])];
    expect(toItems(model({ ...ROWS, batches: false }), inputs)).toEqual([{ inputs, rows: 1, length: 1, kind: '', owned: false }]);
  });

  it('marks a mask with places of its own where masks number the sequences', () => {
    const layout: Layout = { ...SEQUENCES, segmentsBy: 'a' };
    const mask: Tensor = { name: 'a', datatype: 'INT64', shape: [2, 2], data: BigInt64Array.of(1n, 1n, 1n, 0n) };
    expect(toItems(model(layout), [mask]).map(({ masked }) => masked)).toEqual([false, true]);
    expect(toItems(model(SEQUENCES), [mask]).map(({ masked }) => masked)).toEqual([false, false]);
  });
});

describe('the memory of a request', () => {
  const inputs = [tensor('a', 'FP32', [4, 2])];

  it('is that of its one item, if the caller gives it away', () => {
    expect(toItems(model(ROWS, 4), inputs, true)).toMatchObject([{ owned: true }]);
    expect(toItems(model(ROWS, 4), inputs)).toMatchObject([{ owned: false }]);
  });

  it("is nobody's when several items share it", () => {
    expect(toItems(model(ROWS, 2), inputs, true)).toMatchObject([{ owned: false }, { owned: false }]);
  });
});
