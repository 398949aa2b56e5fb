// The list: it keeps the order of arrival, whoever leaves.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { List, type Place } from './list.js';

describe('a list', () => {
  it('has in their order those who came and have not left', () => {
    const steps = fc.array(fc.oneof(fc.constant('comes' as const), fc.nat(20)), { maxLength: 100 });
    fc.assert(
      fc.property(steps, (all) => {
        const list = new List<number>();
        const there: [number, Place<unknown>][] = [];
        for (const [value, step] of all.entries()) {
          if (step === 'comes') there.push([value, list.add(value)]);
          else there.splice(step, 1)[0]?.[1].leave();
          expect([...list]).toEqual(there.map(([one]) => one));
          expect(list.first).toBe(there[0]?.[0]);
          expect(list.empty).toBe(there.length === 0);
        }
      }),
    );
  });

  it('may be left by what one has come to', () => {
    const list = new List<number>();
    const places = [1, 2, 3].map((value) => list.add(value));
    const seen: number[] = [];
    for (const value of list) {
      seen.push(value);
      places[value - 1]?.leave();
    }
    expect(seen).toEqual([1, 2, 3]);
    expect(list.empty).toBe(true);
  });
});
