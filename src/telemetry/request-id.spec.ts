// The id of a request: the client's where it is fit for a log line and a header, else a new one.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { requestId } from './request-id.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('requestId', () => {
  it.each(['a', 'trace:1-2.3_4', 'x'.repeat(128)])('keeps %j', (given) => {
    expect(requestId(given)).toBe(given);
  });

  it.each([undefined, '', 'x'.repeat(129), 'two words', 'line\nbreak', 'tab\t', '"quoted"', 'é', ['a', 'b']])('replaces %j', (given) => {
    expect(requestId(given)).toMatch(UUID);
  });

  it('is always fit for a header, and never the same twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (given) => {
        expect(requestId(given)).toMatch(/^[\w.:-]{1,128}$/);
      }),
    );
    expect(requestId(undefined)).not.toBe(requestId(undefined));
  });
});
