// The head of a request says in one way only where it ends and whom it is for.
import { describe, expect, it } from '@jest/globals';
import { faultOf } from './framing.js';

const LIMIT = 100;

function fault(url: string, rawHeaders: readonly string[], httpVersion = '1.1'): string | undefined {
  const headers: Record<string, string> = {};
  for (let index = 0; index < rawHeaders.length; index += 2)
    headers[(rawHeaders[index] ?? '').toLowerCase()] ??= rawHeaders[index + 1] ?? '';
  const error = faultOf({ url, headers, rawHeaders: [...rawHeaders], httpVersion }, LIMIT);
  return error && `${error.code} ${error.field}`;
}

describe('a head', () => {
  it.each([
    ['/v1/models', ['Host', 'a.example:8000']],
    ['/v1/models', ['Host', '[::1]:8000']],
    ['/v1/models', ['host', '']],
    ['http://A.example/v1/models?a=b', ['Host', 'a.example']],
    ['*', ['Host', 'a']],
    ['/', ['Host', 'a', 'Transfer-Encoding', ' Chunked ']],
  ])('of %s with %p is served', (url, headers) => {
    expect(fault(url, headers)).toBeUndefined();
  });

  it.each([
    ['without Host', '/', [], 'INVALID_REQUEST Host'],
    ['with two', '/', ['Host', 'a', 'HOST', 'a'], 'INVALID_REQUEST Host'],
    ['with one that is none', '/', ['Host', 'a@b'], 'INVALID_REQUEST Host'],
    ['with one that has a path', '/', ['Host', 'a/b'], 'INVALID_REQUEST Host'],
    ['whose URL has another host', 'http://b/', ['Host', 'a'], 'INVALID_REQUEST Host'],
    ['whose URL has a user', 'http://a@b/', ['Host', 'b'], 'INVALID_REQUEST Host'],
    ['whose target is no path', 'models', ['Host', 'a'], 'INVALID_REQUEST url'],
    ['whose URL is not of HTTP', 'file:///etc/passwd', ['Host', 'a'], 'INVALID_REQUEST url'],
    ['whose body is gzip below the chunks', '/', ['Host', 'a', 'Transfer-Encoding', 'gzip, chunked'], 'NOT_IMPLEMENTED Transfer-Encoding'],
    ['whose coding is unknown', '/', ['Host', 'a', 'Transfer-Encoding', 'xchunked'], 'NOT_IMPLEMENTED Transfer-Encoding'],
    ['that is too long', `/${'a'.repeat(LIMIT)}`, ['Host', 'a'], 'URL_TOO_LONG url'],
  ])('%s is refused', (_, url, headers, expected) => {
    expect(fault(url, headers)).toBe(expected);
  });

  it('of HTTP/1.0 needs no Host and has no chunks', () => {
    expect(fault('/', [], '1.0')).toBeUndefined();
    expect(fault('/', ['Transfer-Encoding', 'chunked'], '1.0')).toBe('INVALID_REQUEST Transfer-Encoding');
  });
});
