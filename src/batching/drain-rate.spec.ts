// The drain rate: tokens a second of busy time, the recent past first.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DrainRate } from './drain-rate.js';

describe('DrainRate', () => {
  it('refuses nobody on a guess: nothing measured means no wait', () => {
    expect(new DrainRate().secondsFor(1_000_000)).toBe(0);
  });

  it('is what was done over the time that it took', () => {
    const rate = new DrainRate();
    rate.record(300, 2);
    expect(rate.tokensPerSecond).toBe(150);
    expect(rate.secondsFor(75)).toBe(0.5);
  });

  it('is not that of batches with room in them', () => {
    const rate = new DrainRate();
    rate.departs(false);
    rate.ends(false, 10, 1);
    expect(rate.known).toBe(false);
  });

  it('counts what ends beside a saturated batch, or that one would seem to have taken no time', () => {
    const rate = new DrainRate();
    rate.departs(true);
    rate.departs(false);
    rate.ends(false, 10, 0.095);
    rate.ends(true, 40, 0.005);
    expect(rate.tokensPerSecond).toBeCloseTo(500, 0);
    rate.departs(false);
    rate.ends(false, 10, 60);
    expect(rate.tokensPerSecond).toBeCloseTo(500, 0);
  });

  it('takes many small batches for one large', () => {
    const rate = new DrainRate();
    for (let i = 0; i < 10_000; i++) rate.record(5, 0.01);
    expect(rate.tokensPerSecond).toBeCloseTo(500, 6);
  });

  it('forgets: after a minute at a new pace the old one is gone', () => {
    const rate = new DrainRate();
    for (let i = 0; i < 600; i++) rate.record(100, 0.1);
    for (let i = 0; i < 600; i++) rate.record(10, 0.1);
    expect(rate.tokensPerSecond).toBeGreaterThan(100);
    expect(rate.tokensPerSecond).toBeLessThan(105);
  });

  it('stays between the slowest and the fastest pace that it saw', () => {
    const batch = fc.record({ tokens: fc.integer({ min: 1, max: 10_000 }), seconds: fc.double({ min: 1e-4, max: 30, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(batch, { minLength: 1, maxLength: 50 }), (batches) => {
        const rate = new DrainRate();
        for (const { tokens, seconds } of batches) rate.record(tokens, seconds);
        const paces = batches.map(({ tokens, seconds }) => tokens / seconds);
        expect(rate.tokensPerSecond).toBeGreaterThanOrEqual(Math.min(...paces) * (1 - 1e-9));
        expect(rate.tokensPerSecond).toBeLessThanOrEqual(Math.max(...paces) * (1 + 1e-9));
      }),
    );
  });
});
