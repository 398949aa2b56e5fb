// Retry-After as servers write it, and the pauses that follow.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NestorError } from './error.js';
import { pauseMs, retryAfterMs } from './retry.js';

const NOON = Date.parse('Tue, 24 Nov 2026 12:00:00 GMT');

describe('Retry-After', () => {
  it.each<[string, Record<string, string>, number | undefined]>([
    ['seconds', { 'Retry-After': '7' }, 7000],
    ['none', {}, undefined],
    ['a date, by this clock', { 'Retry-After': 'Tue, 24 Nov 2026 12:00:05 GMT' }, 5000],
    ['a date, by the clock of the server', { 'Retry-After': 'Tue, 24 Nov 2026 18:00:02 GMT', Date: 'Tue, 24 Nov 2026 18:00:00 GMT' }, 2000],
    ['a date that has passed', { 'Retry-After': 'Tue, 24 Nov 2026 11:00:00 GMT' }, 0],
    ['a fraction, which HTTP has not', { 'Retry-After': '1.5' }, undefined],
    ['below zero', { 'Retry-After': '-3' }, undefined],
    ['nonsense', { 'Retry-After': 'soon GMT' }, undefined],
  ])('%s', (_, headers, expected) => {
    expect(retryAfterMs(new Headers(headers), NOON)).toBe(expected);
  });
});

describe('the pause', () => {
  const attempts = fc.nat({ max: 2000 });
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it('is never shorter than the server asks, and not much longer', () => {
    fc.assert(
      fc.property(fc.nat({ max: 60_000 }), attempts, chance, (asked, attempt, random) => {
        const pause = pauseMs(new NestorError('QUEUE_FULL', '', { status: 429, retryAfterMs: asked }), attempt, random) ?? -1;
        expect(pause).toBeGreaterThanOrEqual(asked);
        expect(pause).toBeLessThanOrEqual(asked + 8000);
      }),
    );
  });

  it('doubles where the server asks for nothing, up to eight seconds', () => {
    const error = new NestorError('CONNECTION_FAILED', '');
    const longest = [0, 1, 2, 5, 6, 2000].map((attempt) => pauseMs(error, attempt, 1));
    expect(longest).toEqual([250, 500, 1000, 8000, 8000, 8000]);
    expect(pauseMs(error, 1, 0)).toBe(250);
  });
});
