// Tensors through JSON and back: the same, for every datatype; whatever does not fit is refused by name.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TensorSpec } from '../../models/signature.js';
import { allocate, DATATYPES, elementCount, type Datatype, type Tensor } from '../../tensor.js';
import { NumberBlock } from './number-block.js';
import { parseJson } from './json-text.js';
import { nest, tensorFromJson, tensorFromRows, valuesToJson, type Fill } from './json-tensors.js';

const ANY = Infinity;
const DATATYPE_NAMES = Object.keys(DATATYPES) as Datatype[];

/** @param rank of what fits it. */
function spec(datatype: Datatype, rank: number): TensorSpec {
  return { name: 'x', datatype, shape: new Array<number>(rank).fill(-1), axes: [] };
}

/** As many axes as it has, or says that it has. */
function rankOf(value: unknown): number {
  if (Array.isArray(value)) return 1 + rankOf(value[0]);
  const { shape, data } = (value ?? {}) as { shape?: unknown; data?: unknown };
  return Array.isArray(shape) ? shape.length : data === undefined ? 0 : rankOf(data);
}

function read(value: unknown, datatype: Datatype = 'FP32', maxElements = ANY): Tensor {
  return tensorFromJson(value, spec(datatype, rankOf(value)), 'inputs.x', maxElements, []);
}

const integer = (bits: number, signed: boolean) =>
  signed ? fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 }) : fc.integer({ min: 0, max: 2 ** bits - 1 });
// JSON.stringify writes -0 as 0.
const float = (round: (value: number) => number, largest: number) =>
  fc
    .oneof(fc.double({ noNaN: true, min: -largest, max: largest }), fc.integer({ min: -60_000, max: 60_000 }))
    .map((value) => round(value) + 0);
const values: Readonly<Record<Datatype, fc.Arbitrary<number | bigint | string>>> = {
  BOOL: fc.constantFrom(0, 1),
  UINT8: integer(8, false),
  UINT16: integer(16, false),
  UINT32: integer(32, false),
  UINT64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  INT8: integer(8, true),
  INT16: integer(16, true),
  INT32: integer(32, true),
  INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  FP16: float(Math.f16round, 65_504),
  FP32: float(Math.fround, 3.4e38),
  FP64: float((value) => value, Number.MAX_VALUE),
  BYTES: fc.string({ unit: 'grapheme' }),
};

const tensors = (datatype: Datatype): fc.Arbitrary<Tensor> =>
  fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }).chain((shape) => {
    const count = elementCount(shape);
    return fc.array(values[datatype], { minLength: count, maxLength: count }).map((elements) => {
      const data = allocate(datatype, count);
      for (const [i, element] of elements.entries()) (data as unknown[])[i] = element;
      return { name: 'x', datatype, shape, data };
    });
  });

/** What a client receives and sends back. */
function throughText(x: unknown): unknown {
  return (parseJson(Buffer.from(JSON.stringify({ inputs: { x } })), true) as { inputs: { x: unknown } }).inputs.x;
}

describe('a tensor', () => {
  it.each(DATATYPE_NAMES)('of %s is the same after JSON and back, flat and nested', (datatype) => {
    fc.assert(
      fc.property(tensors(datatype), (tensor) => {
        const { shape, data } = tensor;
        expect(read(throughText({ datatype, shape, data: valuesToJson(data, 'x', datatype) }), datatype)).toEqual(tensor);
        const nested = throughText(nest(valuesToJson(tensor.data, 'x', datatype), tensor.shape));
        expect(read(nested, datatype)).toEqual(tensor);
        expect(read({ shape: tensor.shape, datatype, data: nested }, datatype)).toEqual(tensor);
      }),
    );
  });

  it('may leave out its datatype, which is that of the model, and the shape of nested data', () => {
    expect(read({ data: [[1, 2]] }, 'INT8')).toEqual({ name: 'x', datatype: 'INT8', shape: [1, 2], data: Int8Array.of(1, 2) });
  });

  it('of one element may be no array', () => {
    expect(read(7)).toMatchObject({ shape: [], data: Float32Array.of(7) });
    expect(read({ shape: [1, 1], data: 7 }).data).toEqual(Float32Array.of(7));
  });

  it('may be one of nothing, and of booleans or bits', () => {
    expect(read([]).shape).toEqual([0]);
    expect(read({ shape: [0, 4], data: [] }).data).toHaveLength(0);
    expect(read([true, 0, 1, false], 'BOOL').data).toEqual(Uint8Array.of(1, 0, 1, 0));
  });

  it('of instances has an axis for them', () => {
    expect(tensorFromRows([[1, 2], [3, 4]], spec('FP32', 2), ANY, [])).toMatchObject({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }); // prettier-ignore
    expect(tensorFromRows([1, 2, 3], spec('INT32', 1), ANY, [])).toMatchObject({ shape: [3] });
  });
});

describe('a large tensor', () => {
  const COUNT = 300_000;
  const values = Float64Array.from({ length: COUNT }, (_, index) => index % 100);
  const expected = BigInt64Array.from(values, BigInt);
  const halves = [new NumberBlock([COUNT / 2], values.subarray(0, COUNT / 2)), new NumberBlock([COUNT / 2], values.subarray(COUNT / 2))];

  it.each<[string, unknown, number[]]>([
    ['in a block', new NumberBlock([3, COUNT / 3], values), [3, COUNT / 3]],
    ['in several blocks', halves, [2, COUNT / 2]],
    ['in a flat one', { shape: [COUNT / 2, 2], data: new NumberBlock([COUNT], values) }, [COUNT / 2, 2]],
    ['in arrays', Array.from({ length: COUNT }, (_, index) => [index % 100]), [COUNT, 1]],
  ])('%s is filled in turns of the event loop', async (_, value, shape) => {
    const later: Fill[] = [];
    const { data } = tensorFromJson(value, spec('INT64', shape.length), 'inputs.x', ANY, later);
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    for (const fill of later) await fill();
    done = true;
    expect(data).toEqual(expected);
    expect(turns).toBeGreaterThanOrEqual(Math.floor(COUNT / 65_536));
  });

  it('with an element that does not fit is refused with its place', async () => {
    const later: Fill[] = [];
    tensorFromJson(new NumberBlock([COUNT], values.with(250_000, 0.5)), spec('INT64', 1), 'inputs.x', ANY, later);
    await expect(later[0]?.()).rejects.toMatchObject({ field: 'inputs.x', message: 'Element 250000 is no INT64: 0.5' });
  });

  it.each<[string, unknown, string]>([
    ['another datatype', { datatype: 'INT64', shape: [COUNT], data: new NumberBlock([COUNT], values) }, 'inputs.x.datatype'],
    ['another shape', new NumberBlock([COUNT / 2, 2], values), 'inputs.x.shape'],
  ])('of %s than the model takes is refused before any of it is read', (_, value, field) => {
    const later: Fill[] = [];
    expect(() => tensorFromJson(value, spec('FP32', 1), 'inputs.x', ANY, later)).toThrow(expect.objectContaining({ field }));
    expect(later).toEqual([]);
  });
});

describe('a refusal', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);

  it.each<[string, unknown, Datatype, string]>([
    ['an unknown member', { data: [1], dtype: 'FP32' }, 'FP32', 'inputs.x.dtype'],
    ['no data', { shape: [1] }, 'FP32', 'inputs.x.data'],
    ['a datatype that is none', { data: [1], datatype: 'float' }, 'FP32', 'inputs.x.datatype'],
    ['a datatype of every object', { data: [1], datatype: 'toString' }, 'FP32', 'inputs.x.datatype'],
    ['a negative size', { shape: [-1], data: [1] }, 'FP32', 'inputs.x.shape'],
    ['a fraction of an element', { shape: [1.5], data: [1] }, 'FP32', 'inputs.x.shape'],
    ['a shape that is no array', { shape: 4, data: [1, 2, 3, 4] }, 'FP32', 'inputs.x.shape'],
    ['too many axes', { shape: new Array(17).fill(1), data: [1] }, 'FP32', 'inputs.x.shape'],
    ['a shape for other data', { shape: [2, 2], data: [1, 2, 3] }, 'FP32', 'inputs.x.data'],
    ['one value for a shape of several', { shape: [1, 4], data: 7 }, 'FP32', 'inputs.x.data'],
    ['one text for a shape of several', { shape: [2], data: 'a' }, 'BYTES', 'inputs.x.data'],
    ['a ragged array', [[1, 2], [3]], 'FP32', 'inputs.x'],
    ['an array that ends early', [[[1]], [2]], 'FP32', 'inputs.x'],
    ['an array too deep', [[1], [[2]]], 'FP32', 'inputs.x'],
    ['nesting without end', nested(40), 'FP32', 'inputs.x'],
    ['a text among numbers', ['1'], 'FP32', 'inputs.x'],
    ['null', [null], 'FP32', 'inputs.x'],
    ['null itself', null, 'FP32', 'inputs.x'],
    ['a number too large for FP32', [3.5e38], 'FP32', 'inputs.x'],
    ['a number too large for FP16', [65_520], 'FP16', 'inputs.x'],
    ['a fraction in INT32', [1.5], 'INT32', 'inputs.x'],
    ['a number above INT8', [128], 'INT8', 'inputs.x'],
    ['a number below UINT8', [-1], 'UINT8', 'inputs.x'],
    ['an integer that a double has rounded', [2 ** 53 + 2], 'INT64', 'inputs.x'],
    ['an integer above INT64', [2n ** 63n], 'INT64', 'inputs.x'],
    ['an integer below UINT64', [-(2n ** 60n)], 'UINT64', 'inputs.x'],
    ['a number in BYTES', [1], 'BYTES', 'inputs.x'],
    ['2 in BOOL', [2], 'BOOL', 'inputs.x'],
  ])('of %s names the field', (_, value, datatype, field) => {
    expect(() => read(value, datatype)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field }));
  });

  it('says which element, and what it is', () => {
    expect(() => read([[1, 2], [3, 'four']])).toThrow('Element 3 is no FP32: string'); // prettier-ignore
    expect(() => read([1, 300], 'UINT8')).toThrow('Element 1 is no UINT8: 300');
  });

  it('comes before memory is taken: a shape cannot claim more than the body holds', () => {
    for (const shape of [[2 ** 40], [2 ** 30, 2 ** 30, 2 ** 30], new Array(16).fill(2 ** 50)]) {
      expect(() => read({ shape, data: [[1]] }, 'FP32', 100)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
    }
    expect(() => read({ shape: [101], data: new Array(101).fill(0) }, 'FP32', 100)).toThrow('more than the body can carry');
  });

  it.each([NaN, Infinity, -Infinity])('of an output with %p, which JSON cannot carry', (value) => {
    expect(() => valuesToJson(Float32Array.of(1, value), 'y', 'FP32')).toThrow(
      expect.objectContaining({ code: 'NOT_ACCEPTABLE', field: 'y' }),
    );
  });
});
