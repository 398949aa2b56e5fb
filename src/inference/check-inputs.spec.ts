// Do tensors fit a model: each refusal names the field, and what passes is in the order of the signature.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { InputLimits } from '../models/input-limits.js';
import type { Model } from '../models/model.js';
import { Signature } from '../models/signature.js';
import { allocate, elementCount, fill, type Datatype, type Tensor } from '../tensor.js';
import { checkInputs, checkOutputs, checkValues, ELEMENTS_A_TURN } from './check-inputs.js';

function model(signature: Signature, segments = false, limits: InputLimits = new Map()): Model {
  const partial: Partial<Model> = { signature, layout: signature.layout(undefined, 0, segments), limits };
  return partial as Model;
}

function tensor(name: string, shape: readonly number[], datatype: Datatype = 'FP32'): Tensor {
  const data = allocate(datatype, elementCount(shape));
  fill(data, 1);
  return { name, datatype, shape, data };
}

const text = Signature.of({
  inputs: ['input_ids', 'attention_mask'].map((name) => ({ name, type: 'int64', shape: ['batch', 'sequence'] })),
  outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 2] }],
});
const TEXT = model(text);
const STREAM = model(
  Signature.of({
    inputs: [
      { name: 'sound', type: 'float32', shape: ['n', 4] },
      { name: 'state', type: 'float32', shape: [2, 'n', 3] },
      { name: 'rate', type: 'int64', shape: [] },
    ],
    outputs: [
      { name: 'speech', type: 'float32', shape: ['n', 1] },
      { name: 'next', type: 'float32', shape: [2, 'n', 3] },
    ],
  }),
);
const ids = (rows: number, length: number) => tensor('input_ids', [rows, length], 'INT64');
const mask = (rows: number, length: number) => tensor('attention_mask', [rows, length], 'INT64');
const stream = [tensor('sound', [1, 4]), tensor('state', [2, 1, 3]), tensor('rate', [], 'INT64')];

/** Of the whole check; undefined where they pass. */
async function refusalOf(of: Model, tensors: readonly Tensor[]): Promise<unknown> {
  try {
    await checkValues(of, checkInputs(of, tensors));
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

describe('checkInputs', () => {
  it('puts tensors in the order of the signature', () => {
    expect(checkInputs(TEXT, [mask(2, 3), ids(2, 3)]).map(({ name }) => name)).toEqual(['input_ids', 'attention_mask']);
  });

  it('takes scalars, and tensors of different first axes where the model does not batch', () => {
    expect(checkInputs(STREAM, stream.toReversed())).toEqual(stream);
  });

  it.each<[string, Model, Tensor[], string]>([
    ['an unknown name', TEXT, [ids(1, 1), mask(1, 1), tensor('input', [1])], 'inputs.input'],
    ['a missing input', TEXT, [ids(1, 1)], 'inputs.attention_mask'],
    ['an input given twice', TEXT, [ids(1, 1), mask(1, 1), ids(1, 1)], 'inputs.input_ids'],
    ['another datatype', TEXT, [tensor('input_ids', [1, 1], 'INT32'), mask(1, 1)], 'inputs.input_ids.datatype'],
    ['an axis too few', TEXT, [tensor('input_ids', [4], 'INT64'), mask(1, 4)], 'inputs.input_ids.shape'],
    ['an axis too many', STREAM, [tensor('sound', [1, 4, 1]), ...stream.slice(1)], 'inputs.sound.shape'],
    ['another size of a fixed axis', STREAM, [tensor('sound', [1, 5]), ...stream.slice(1)], 'inputs.sound.shape'],
    ['a scalar with an axis', STREAM, [...stream.slice(0, 2), tensor('rate', [1], 'INT64')], 'inputs.rate.shape'],
    ['less data than the shape says', TEXT, [{ ...ids(1, 2), data: new BigInt64Array(1) }, mask(1, 2)], 'inputs.input_ids.data'],
    ['more data than the shape says', TEXT, [{ ...ids(1, 2), data: new BigInt64Array(3) }, mask(1, 2)], 'inputs.input_ids.data'],
    ['no rows', TEXT, [ids(0, 2), mask(0, 2)], 'inputs.input_ids.shape'],
    ['no tokens', TEXT, [ids(2, 0), mask(2, 0)], 'inputs.input_ids.shape'],
    ['different numbers of rows', TEXT, [ids(2, 3), mask(1, 3)], 'inputs.attention_mask.shape'],
    ['different lengths of sequences', TEXT, [ids(2, 3), mask(2, 4)], 'inputs.attention_mask.shape'],
  ])('refuses %s', async (_, of, tensors, field) => {
    expect(await refusalOf(of, tensors)).toMatchObject({ code: 'INVALID_REQUEST', field, message: expect.any(String) });
  });

  it.each([2n, -1n])('refuses a mask with %s where masks number the sequences of a row', async (value) => {
    const odd = { ...mask(1, 2), data: BigInt64Array.of(1n, value) };
    const refusal = { code: 'INVALID_REQUEST', field: 'inputs.attention_mask.data' };
    expect(await refusalOf(model(text, true), [ids(1, 2), odd])).toMatchObject(refusal);
    expect(await refusalOf(TEXT, [ids(1, 2), odd])).toBeUndefined();
  });
});

describe('limits that the graph does not state', () => {
  const limits: InputLimits = new Map([
    ['input_ids', { min: 0, max: 9, maxLength: 4 }],
    ['attention_mask', { values: [1] }],
  ]);
  const limited = model(text, false, limits);
  const holding = (name: string, value: number, shape = [1, 2]): Tensor => {
    const made = tensor(name, shape, 'INT64');
    fill(made.data, value);
    return made;
  };

  it('let pass what keeps to them', async () => {
    expect(await refusalOf(limited, [holding('input_ids', 9), mask(1, 2)])).toBeUndefined();
  });

  it.each<[string, Tensor[], string]>([
    ['a value above the largest', [holding('input_ids', 10), mask(1, 2)], 'inputs.input_ids.data'],
    ['a value below the smallest', [holding('input_ids', -1), mask(1, 2)], 'inputs.input_ids.data'],
    ['a value that is not among those allowed', [ids(1, 2), holding('attention_mask', 0)], 'inputs.attention_mask.data'],
    ['a sequence that is too long', [ids(1, 5), mask(1, 5)], 'inputs.input_ids.shape'],
  ])('refuse %s', async (_, tensors, field) => {
    expect(await refusalOf(limited, tensors)).toMatchObject({ code: 'INVALID_REQUEST', field });
  });

  it('refuse a size that the graph leaves free and the model cannot take', async () => {
    const fixed = model(text, false, new Map([['input_ids', { shape: [-1, 3] }]]));
    expect(await refusalOf(fixed, [ids(2, 2), mask(2, 2)])).toMatchObject({ code: 'INVALID_REQUEST', field: 'inputs.input_ids.shape' });
  });
});

describe('elements', () => {
  it.each(['INT64', 'UINT64'] as const)('of %s count as the number that each is', async (datatype) => {
    const any = Signature.of({ inputs: [{ name: 'x', type: datatype === 'INT64' ? 'int64' : 'uint64', shape: [-1] }], outputs: [] });
    const bigints =
      datatype === 'INT64' ? fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) : fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    await fc.assert(
      fc.asyncProperty(bigints, async (value) => {
        const data = datatype === 'INT64' ? BigInt64Array.of(value) : BigUint64Array.of(value);
        const x: Tensor = { name: 'x', datatype, shape: [1], data };
        expect(await refusalOf(model(any, false, new Map([['x', { values: [Number(value)] }]])), [x])).toBeUndefined();
        const refusal = { message: expect.stringContaining(`x holds ${Number(value)};`) };
        expect(await refusalOf(model(any, false, new Map([['x', { values: [NaN] }]])), [x])).toMatchObject(refusal);
      }),
    );
  });

  it('are looked at in turns where they are many, to the last one', async () => {
    const limited = model(text, true, new Map([['input_ids', { max: 9 }]]));
    const last = ids(1, 4 * ELEMENTS_A_TURN);
    last.data[last.data.length - 1] = 10n;
    let turns = 0;
    let next = setImmediate(function turn() {
      turns += 1;
      next = setImmediate(turn);
    });
    expect(await refusalOf(limited, [last, mask(1, 4 * ELEMENTS_A_TURN)])).toMatchObject({ field: 'inputs.input_ids.data' });
    clearImmediate(next);
    expect(turns).toBeGreaterThanOrEqual(3);
  });

  it('that hold a NUL are named by their place, however many are before them', async () => {
    const texts = model(Signature.of({ inputs: [{ name: 'x', type: 'string', shape: [-1] }], outputs: [] }));
    const data = new Array<string>(ELEMENTS_A_TURN + 5).fill('a');
    data[ELEMENTS_A_TURN + 3] = 'a\0b';
    const x: Tensor = { name: 'x', datatype: 'BYTES', shape: [data.length], data };
    const refusal = { field: 'inputs.x.data', message: expect.stringContaining(`Element ${ELEMENTS_A_TURN + 3} `) };
    expect(await refusalOf(texts, [x])).toMatchObject(refusal);
  });
});

describe('checkOutputs', () => {
  it('is all of them unless some are asked for, each once and in the order of the asking', () => {
    expect(checkOutputs(STREAM, undefined)).toEqual(['speech', 'next']);
    expect(checkOutputs(STREAM, [])).toEqual(['speech', 'next']);
    expect(checkOutputs(STREAM, ['next', 'speech', 'next'])).toEqual(['next', 'speech']);
  });

  it('refuses what the model does not put out', () => {
    expect(() => checkOutputs(STREAM, ['speech', 'toString'])).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', field: 'outputs', message: expect.stringContaining('speech, next') }),
    );
  });
});
