// What the cache keeps comes back as it was.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allocate, DATATYPES, elementCount, type Datatype, type Tensor } from '../tensor.js';
import { embeddings, outputs, pictures, tokens, type Parts } from './levels.js';

const ALL = Object.keys(DATATYPES) as Datatype[];

const tensor: fc.Arbitrary<Tensor> = fc
  .record({ name: fc.string(), datatype: fc.constantFrom(...ALL), shape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }) })
  .chain(({ name, datatype, shape }) => {
    const count = elementCount(shape);
    if (datatype === 'BYTES')
      return fc
        .array(fc.string({ unit: 'grapheme' }), { minLength: count, maxLength: count })
        .map((data) => ({ name, datatype, shape, data }));
    const bytes = count * DATATYPES[datatype].bytes;
    return fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((content): Tensor => {
      const data = allocate(datatype, count) as Uint8Array;
      new Uint8Array(data.buffer).set(content);
      return { name, datatype, shape, data };
    });
  });
const parts: fc.Arbitrary<Parts> = fc.array(fc.array(tensor, { maxLength: 3 }), { maxLength: 3 });

/** As a store hands it back: somewhere in a larger block. */
function moved(bytes: Uint8Array, shift: number): Uint8Array {
  const block = new Uint8Array(bytes.byteLength + shift);
  block.set(bytes, shift);
  return block.subarray(shift);
}

describe('outputs', () => {
  it('of any datatype and shape, wherever their bytes lie', () => {
    fc.assert(
      fc.property(parts, fc.integer({ min: 0, max: 9 }), (value, shift) => {
        expect(outputs.decode(moved(outputs.encode(value), shift))).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  it('are copies: who gets them may change them', () => {
    const bytes = outputs.encode([[{ name: 'x', datatype: 'FP32', shape: [2], data: Float32Array.of(1, 2) }]]);
    const [[first] = []] = outputs.decode(bytes) ?? [];
    (first?.data as Float32Array).fill(9);
    expect(outputs.decode(bytes)?.[0]?.[0]?.data).toEqual(Float32Array.of(1, 2));
  });
});

describe('bytes that somebody else has written', () => {
  const written = (head: unknown, numbers = Buffer.alloc(8)): Buffer => {
    const text = Buffer.from(JSON.stringify(head));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.byteLength);
    return Buffer.concat([length, text, numbers]);
  };
  const good = { name: 'x', datatype: 'FP32', shape: [2] };

  it.each([
    ['no parts', { length: 1 }],
    ['no tensors', [[null]]],
    ['another datatype', [[{ ...good, datatype: 'BF16' }]]],
    ['no name', [[{ ...good, name: 1 }]]],
    ['a shape of more than there is', [[{ ...good, shape: [1_000_000_000] }]]],
    ['a shape of less', [[{ ...good, shape: [1] }]]],
    ['a shape that is negative', [[{ ...good, shape: [-1, -2] }]]],
    ['a shape of texts', [[{ ...good, shape: ['2'] }]]],
    ['texts that are not there', [[{ ...good, datatype: 'BYTES', shape: [1_000_000_000] }]]],
    ['texts of numbers', [[{ ...good, texts: ['a', 'b'] }]]],
  ])('%s: are refused before anything is made of them', (_, head) => {
    expect(() => outputs.decode(written(head))).toThrow();
    expect(() => pictures.decode(written(head))).toThrow();
  });

  it('are read where they are right', () => {
    expect(outputs.decode(written([[good]]))).toEqual([[{ ...good, data: new Float32Array(2) }]]);
  });

  it('that end early are refused', () => {
    for (const level of [outputs, embeddings, tokens]) expect(() => level.decode(Buffer.alloc(3))).toThrow();
  });
});

it('vectors, token ids and pictures', () => {
  const vector = Float32Array.of(0.5, -0, Infinity, 1e-45);
  expect(embeddings.decode(moved(embeddings.encode({ vector, tokens: 7 }), 3))).toEqual({ vector, tokens: 7 });
  expect(tokens.decode(moved(tokens.encode([101, 30_521, 0]), 1))).toEqual([101, 30_521, 0]);
  const picture: Tensor = { name: 'x', datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, 2) };
  expect(pictures.decode(pictures.encode(picture))).toEqual(picture);
});
