// The id of a request: the client's where it is fit for a log line and a header, else a new one.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { requestId } from './hooks.js';

const idFor = (given?: string | string[]): string => requestId({ headers: { ...(given !== undefined && { 'x-request-id': given }) } });
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('requestId', () => {
  it.each(['a', 'trace:1-2.3_4', 'x'.repeat(128)])('keeps %j', (given) => {
    expect(idFor(given)).toBe(given);
  });

  it.each([undefined, '', 'x'.repeat(129), 'two words', 'line\nbreak', 'tab\t', '"quoted"', 'é', ['a', 'b']])('replaces %j', (given) => {
    expect(idFor(given)).toMatch(UUID);
  });

  it('is always fit for a header, and never the same twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (given) => {
        expect(idFor(given)).toMatch(/^[\w.:-]{1,128}$/);
      }),
    );
    expect(idFor()).not.toBe(idFor());
  });
});
