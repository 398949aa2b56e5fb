// Large JSON: the values that JSON.parse gives, the numbers as blocks, and nothing that a turn of the event loop could not bear.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NumberReader } from './json-number.js';
import { scanJson } from './json-scan.js';
import { NumberBlock } from './number-block.js';

const EXACT_INPUTS = [false, true] as const;

async function parsed(text: string, single = false, exact = false): Promise<unknown> {
  const { text: left, restore } = await scanJson(Buffer.from(text), single, exact);
  return restore(JSON.parse(left.toString()));
}

/** Blocks as the nested arrays that they stand for. */
function plain(value: unknown): unknown {
  if (value instanceof NumberBlock) return plain(value.rows());
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

const numbers = fc.array(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer()), { minLength: 64, maxLength: 100 });
const nested = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), numbers)
  .map(([a, b, row]) => Array.from({ length: a }, () => Array.from({ length: b }, () => row)));
const documents = fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), numbers, nested, fc.array(fc.oneof(numbers, fc.integer()))));

describe('a large body', () => {
  it('has the values that JSON.parse gives', async () => {
    await fc.assert(
      fc.asyncProperty(documents, fc.constantFrom(undefined, 1), async (document, indent) => {
        const text = JSON.stringify(document, undefined, indent);
        expect(plain(await parsed(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('has its arrays of numbers in blocks of their shape', async () => {
    const row = Array.from({ length: 40 }, (_, index) => index / 7);
    const { data, ids } = (await parsed(JSON.stringify({ data: [[row, row, row]], ids: row }))) as { data: NumberBlock; ids: unknown };
    expect(data.shape).toEqual([1, 3, 40]);
    expect(data.values).toEqual(Float64Array.from([...row, ...row, ...row]));
    expect(ids).toEqual(row);
  });

  it.each([
    ['ragged arrays', [Array(70).fill(1), Array(71).fill(2)]],
    ['numbers behind arrays', [Array(70).fill(1), 3]],
    ['numbers in front of arrays', [3, Array(70).fill(1)]],
    ['numbers in front of arrays of arrays', [[3, [Array(70).fill(1)]], [[Array(70).fill(1)]]]],
    ['a text among numbers', [...Array<number>(70).fill(1), 'x']],
  ])('of %s is what it is', async (_, value) => {
    expect(plain(await parsed(JSON.stringify({ value })))).toEqual({ value });
  });

  it.each(['[1,]', '[01]', '[1.]', '[.5]', '[+1]', '[1e]', '[-]', '[1 2]', '[1', '["a', '[NaN]', '[0x1]'])('%s is no JSON', async (end) => {
    const ones = Array(100).fill('1').join();
    await expect(parsed(`[${ones},${end}`)).rejects.toThrow();
    await expect(parsed(end.replace('[', `[${ones},`))).rejects.toThrow();
  });

  it('keeps integers of 64 bits where they are wanted', async () => {
    const long = Array.from({ length: 80 }, (_, index) => (index % 2 === 0 ? 9_007_199_254_740_993n + BigInt(index) : BigInt(index)));
    const { values } = (await parsed(`[${long.join()}]`, false, true)) as NumberBlock;
    expect(Array.from<number | bigint>(values).map(BigInt)).toEqual(long);
  });

  it('cannot forge a block', async () => {
    const forged = { a: '00000000-0000-0000-0000-000000000000:0', b: Array(64).fill(1) };
    expect(plain(await parsed(JSON.stringify(forged)))).toEqual(forged);
  });

  it.each([
    ['empty arrays', '[],'],
    ['objects', '{"a":1},'],
  ])('of millions of %s is refused', async (_, part) => {
    await expect(parsed(`[${part.repeat(2_000_000)}1]`)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', field: 'body' });
  });

  it.each([1, 16])('of numbers and one text at depth %i is read twice, in turns of the event loop', async (depth) => {
    const [open, close] = ['['.repeat(depth), ']'.repeat(depth)];
    const text = `${open}${'1,'.repeat(768 * 1024)}"x"${close}`;
    let turns = 0;
    let scanning = true;
    const count = (): void => {
      turns++;
      if (scanning) setImmediate(count);
    };
    count();
    await scanJson(Buffer.from(text), true, false);
    scanning = false;
    expect(turns).toBeGreaterThan(20);
    expect(turns).toBeLessThan(40);
  });

  it('of one long text is read', async () => {
    const text = 'a"\\'.repeat(2_000_000);
    expect(await parsed(JSON.stringify([text]))).toEqual([text]);
  });
});

describe('a number', () => {
  it.each(EXACT_INPUTS)('is the double that JSON.parse makes of it (exact integers %p)', (exact) => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(20), (value, places) => {
        for (const text of [JSON.stringify(value), Math.abs(value) < 1e20 ? value.toFixed(places) : '0', value.toExponential(places)]) {
          const read = new NumberReader(Buffer.from(text), false, exact).read(0);
          expect(Object.is(Number(read), JSON.parse(text))).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('of more digits than 64 bits have is a double, whoever asks for exact integers', () => {
    const digits = '1'.repeat(21);
    expect(new NumberReader(Buffer.from(digits), false, true).read(0)).toBe(Number(digits));
  });

  it('is the same float32 where doubles are read in haste', () => {
    const halfway = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value * (1 + 2 ** -24));
    const doubles = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      halfway,
    );
    fc.assert(
      fc.property(doubles, fc.nat(20), (value, places) => {
        for (const text of [JSON.stringify(value), Math.abs(value) < 1e20 ? value.toFixed(places) : '0']) {
          const read = Number(new NumberReader(Buffer.from(text), true, false).read(0));
          expect(Object.is(Math.fround(read), Math.fround(JSON.parse(text) as number))).toBe(true);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
