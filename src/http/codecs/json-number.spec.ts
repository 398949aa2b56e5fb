// Numbers of large JSON, read byte by byte: those that JSON.parse makes.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NumberReader } from './json-number.js';

describe('a number', () => {
  it.each([false, true])('is the double that JSON.parse makes of it (exact integers %p)', (exact) => {
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
