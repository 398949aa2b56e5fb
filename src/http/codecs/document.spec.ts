// Rows of `instances` that do not fit the model are told which inputs there are, and how whole tensors are sent.
import { describe, expect, it } from '@jest/globals';
import type { NestorError } from '../../errors.js';
import type { Model } from '../../models/model.js';
import { Signature } from '../../models/signature.js';
import type { PredictionQuery } from './codec.js';
import { readDocument } from './document.js';
import { NumberBlock } from './number-block.js';

function model(inputs: Readonly<Record<string, (number | string)[]>>, output: (number | string)[] = ['n', 3], batches = true): Model {
  const wire = (name: string, shape: (number | string)[]) => ({ name, type: 'float32', shape }) as const;
  const signature = Signature.of({
    inputs: Object.entries(inputs).map(([name, shape]) => wire(name, shape)),
    outputs: [wire('y', output)],
  });
  return { signature, layout: signature.layout(batches ? undefined : false, 0) } as Model;
}

const ONE = model({ x: ['n', 3] });
const TWO = model({ a: ['n', 3], b: ['n', 3] });

function refusal(instances: unknown, of: Model): Partial<NestorError> {
  try {
    void readDocument({ instances }, of, 1000);
  } catch (thrown) {
    return thrown as NestorError;
  }
  throw new Error('it was taken');
}

it.each([
  ['rows', ONE, [[1, 2, 3]]],
  ['rows by the name of the only input', ONE, [{ x: [1, 2, 3] }]],
  ['rows of both', ONE, [[1, 2, 3], { x: [4, 5, 6] }]],
  ['rows of several inputs', TWO, [{ a: [1, 2, 3], b: [4, 5, 6] }]],
])('takes %s', (_, of, instances) => {
  const { input } = readDocument({ instances }, of, 1000) as PredictionQuery;
  const tensors = input.kind === 'tensors' ? input.tensors : [];
  expect(tensors.map(({ shape }) => shape)).toEqual(of.signature.inputs.map(() => [instances.length, 3]));
});

it.each([
  ['an input of another name', ONE, [{ X: [1, 2, 3] }], 'instances[0].X', 'The model has no input "X"; its inputs are x'],
  ['an input too many', TWO, [{ a: [1], b: [1], c: [1] }], 'instances[0].c', 'The model has no input "c"; its inputs are a, b'],
  ['an input too few', TWO, [{ a: [1], b: [1] }, { a: [1] }], 'instances[1].b', 'The instance lacks the input b'],
  ['a bare row where there are several inputs', TWO, [[1, 2, 3]], 'instances[0]', 'An instance is an object of the inputs a, b'],
  ['a null', ONE, [[null, 2, 3]], 'instances', 'Element 0 is no FP32: null'],
])('refuses %s', (_, of, instances, field, detail) => {
  expect(refusal(instances, of)).toMatchObject({ code: 'INVALID_REQUEST', field, message: expect.stringContaining(detail) as unknown });
});

it.each([
  [
    'an input',
    model({ x: [1, 4] }),
    'the first axis is not free in x. Send whole tensors: {"inputs":{"x":{"shape":[1,4],"data":["..."]}}}',
  ],
  ['an output', model({ x: ['n', 4] }, []), 'the first axis is not free in y'],
  ['no tensor, but model.yaml', model({ x: ['n', 4] }, ['n', 4], false), 'batching.enabled is false in its model.yaml'],
])('says why rows are not taken: %s', (_, of, why) => {
  expect(refusal([[1, 2, 3, 4]], of)).toMatchObject({ field: 'instances', message: expect.stringContaining(why) as unknown });
});

/** A block of numbers that nobody may take apart: it may have millions of rows. */
class Whole extends NumberBlock {
  override rows(): never {
    throw new Error('it was taken apart');
  }
}

describe('a block of rows', () => {
  const block = new Whole([2, 3], Float64Array.of(1, 2, 3, 4, 5, 6));

  it('is the tensor of the only input as it is', () => {
    const { input, byInstance } = readDocument({ instances: block }, ONE, 1000) as PredictionQuery;
    expect(input).toEqual({
      kind: 'tensors',
      tensors: [{ name: 'x', datatype: 'FP32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
    });
    expect(byInstance).toBe(true);
  });

  it.each([
    ['several inputs', TWO, 'An instance is an object of the inputs a, b'],
    ['texts', { ...ONE, tokenizer: {} } as Model, 'An instance is a text'],
    ['pictures', { ...ONE, image: {} } as Model, 'An instance is { "image":'],
    ['no rows', model({ x: ['n', 3] }, ['n', 3], false), 'The model does not batch rows'],
  ])('is refused by its first row where there are %s', (_, of, detail) => {
    expect(refusal(block, of).message).toContain(detail);
  });
});

it.each([
  ['bytes', Buffer.of(1, 2)],
  ['numbers', new Whole([2], Float64Array.of(1, 2))],
])('%s are neither a body nor inputs by name', (_, value) => {
  expect(() => readDocument(value, ONE, 1000)).toThrow(
    expect.objectContaining({ field: 'body', message: 'The body must be a JSON object' }),
  );
  expect(() => readDocument({ inputs: value }, ONE, 1000)).toThrow(expect.objectContaining({ field: 'inputs' }));
});
