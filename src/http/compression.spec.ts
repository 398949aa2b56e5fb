// Which answers are compressed, and how.
import { describe, expect, it } from '@jest/globals';
import { codingFor } from './compression.js';

const JSON_TYPE = 'application/json; charset=utf-8';

describe('the coding of an answer', () => {
  it.each([
    ['gzip', JSON_TYPE, 'gzip'],
    ['gzip, deflate, br, zstd', JSON_TYPE, 'zstd'],
    ['gzip;q=0.5, br;q=0.9', JSON_TYPE, 'br'],
    ['*', JSON_TYPE, 'zstd'],
    ['gzip;q=0, deflate', JSON_TYPE, 'deflate'],
    ['identity', JSON_TYPE, undefined],
    ['', JSON_TYPE, undefined],
    [undefined, JSON_TYPE, undefined],
    ['constructor, __proto__', JSON_TYPE, undefined],
    // What every HTTP library sends must not cost a tensor its speed; what one was told to send is obeyed.
    ['gzip, deflate', 'application/octet-stream', undefined],
    ['gzip', 'application/octet-stream', 'gzip'],
  ])('%s for %s is %s', (acceptEncoding, type, coding) => {
    expect(codingFor(acceptEncoding, type)).toBe(coding);
  });
});
