// Keys: equal for what is equal, and for nothing else.
import { hash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allocate, DATATYPES, type Datatype, type Tensor } from '../tensor.js';
import { KeyMaker, type Circumstances } from './key.js';

const maker = (scope = 'model', level = 'output', circumstances: Circumstances = {}): KeyMaker => new KeyMaker(scope, level, circumstances);

/** Typed arrays whose elements have so many bytes, by datatype. */
const WIDE: Readonly<Record<number, readonly Datatype[]>> = { 1: ['BOOL', 'UINT8', 'INT8'], 2: ['UINT16', 'INT16', 'FP16'], 4: ['UINT32', 'INT32', 'FP32'], 8: ['UINT64', 'INT64', 'FP64'] }; // prettier-ignore

/** The same bytes as a tensor of another datatype or shape. */
function tensor(name: string, datatype: Datatype, shape: readonly number[], bytes: Uint8Array): Tensor {
  const data = allocate(datatype, bytes.byteLength / DATATYPES[datatype].bytes) as Uint8Array;
  new Uint8Array(data.buffer).set(bytes);
  return { name, datatype, shape, data };
}

describe('the key of tensors', () => {
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });

  it('is the same for the same, whatever memory it lies in', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, fc.integer({ min: 0, max: 3 }), async (content, shift) => {
        const large = new Uint8Array(content.byteLength + 4);
        large.set(content, shift);
        const view = { name: 'x', datatype: 'UINT8' as const, shape: [16], data: large.subarray(shift, shift + 16) };
        expect(await maker().tensors([view])).toBe(await maker().tensors([tensor('x', 'UINT8', [16], content)]));
      }),
    );
  });

  it('differs by shape, datatype, name, outputs, model and tenant, though the bytes are the same', async () => {
    const datatypes = fc.constantFrom(...Object.values(WIDE).flat());
    const shapes = fc.constantFrom([1], [2], [4], [16], [1, 16], [4, 4], [2, 2, 4]);
    const asked = fc.record({
      scope: fc.constantFrom('model', 'other weights'),
      outputs: fc.constantFrom(['a'], ['b'], ['a', 'b']),
      tenant: fc.constantFrom(undefined, '', 'one', 'two'),
      provider: fc.constantFrom('cpu', 'cuda'),
      version: fc.constantFrom('1', '2'),
      name: fc.constantFrom('x', 'y'),
      datatype: datatypes,
      shape: shapes,
    });
    await fc.assert(
      fc.asyncProperty(bytes, asked, asked, async (content, one, two) => {
        const key = ({ scope, name, datatype, shape, ...circumstances }: typeof one): Promise<string> =>
          maker(scope, 'output', circumstances).tensors([tensor(name, datatype, shape, content)]);
        expect((await key(one)) === (await key(two))).toBe(JSON.stringify(one) === JSON.stringify(two));
      }),
      { numRuns: 500 },
    );
  });

  it('tells where one string ends and the next begins', async () => {
    const texts = fc.array(fc.constantFrom('', 'a', 'b', 'ab', '1:a', '\n', '"'), { minLength: 1, maxLength: 4 });
    const key = (data: string[]): Promise<string> => maker().tensors([{ name: 'x', datatype: 'BYTES', shape: [data.length], data }]);
    await fc.assert(
      fc.asyncProperty(texts, texts, async (one, two) => {
        expect((await key(one)) === (await key(two))).toBe(JSON.stringify(one) === JSON.stringify(two));
      }),
      { numRuns: 500 },
    );
  });

  it('tells which of two inputs holds what', async () => {
    const [a, b] = [new Uint8Array([1]), new Uint8Array([2])];
    const key = (first: Uint8Array, second: Uint8Array): Promise<string> =>
      maker().tensors([tensor('x', 'UINT8', [1], first), tensor('y', 'UINT8', [1], second)]);
    expect(await key(a, b)).not.toBe(await key(b, a));
  });

  it('is the same whether it is hashed here or on another thread', async () => {
    const small = new Uint8Array(256 * 1024 - 1).fill(7);
    const large = new Uint8Array(256 * 1024).fill(7);
    const severalPieces = new Uint8Array(2 * 1024 * 1024 + 1).fill(7);
    for (const content of [small, large, severalPieces]) {
      const copy = new Uint8Array(content);
      expect(await maker().bytes(content)).toBe(await maker().bytes(copy));
      copy[content.length - 1] = 8;
      expect(await maker().bytes(content)).not.toBe(await maker().bytes(copy));
    }
  });

  it('of a large input is not that of the digests of its pieces', async () => {
    const large = new Uint8Array(2 * 1024 * 1024).fill(7);
    const digest = hash('sha256', large.subarray(0, 1024 * 1024), 'buffer');
    expect(await maker().bytes(large)).not.toBe(await maker().bytes(Buffer.concat([digest, digest])));
  });
});

describe('the key of a text', () => {
  it('is of this text, level and model alone', () => {
    const text = fc.constantFrom('a', 'b', 'a\n', '\na', 'text\na', '', '[1]', '1');
    fc.assert(
      fc.property(text, text, (one, two) => {
        expect(maker().text(one) === maker().text(two)).toBe(one === two);
        expect(maker('m', 'embedding').text(one)).not.toBe(maker('m', 'output').text(two));
        expect(maker('m').text(one)).not.toBe(maker('n').text(two));
      }),
    );
  });

  it('is not that of token ids, or of bytes, that look like it', async () => {
    expect(maker().text('1,2')).not.toBe(maker().tokens([1, 2]));
    expect(maker().tokens([12])).not.toBe(maker().tokens([1, 2]));
    expect(await maker().bytes(Buffer.from('a'))).not.toBe(maker().text('a'));
  });
});

describe('the key of token ids', () => {
  it('is of these ids, in this order, behind this prompt', () => {
    const asked = fc.tuple(
      fc.array(fc.constantFrom(0, 1, 12, 256, 65_536, 2 ** 31), { minLength: 1, maxLength: 3 }),
      fc.constantFrom('', 'a'),
    );
    fc.assert(
      fc.property(asked, asked, (one, two) => {
        expect(maker().tokens(...one) === maker().tokens(...two)).toBe(JSON.stringify(one) === JSON.stringify(two));
      }),
      { numRuns: 500 },
    );
  });
});
