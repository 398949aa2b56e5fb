// Answers on connections on which no request could be read: whole ones, as HTTP has them.
import { describe, expect, it } from '@jest/globals';
import { NestorError } from '../../errors.js';
import { lastWords, tooSlow } from './malformed.js';

const headersOf = (answer: string): Headers => {
  const [head = ''] = answer.split('\r\n\r\n');
  return new Headers(head.split('\r\n').slice(1).map((line) => line.split(/: (.*)/, 2) as [string, string])); // prettier-ignore
};

describe('the last answer of a connection', () => {
  it('says when to come back, where the server has no room now', () => {
    const full = lastWords(new NestorError('TOO_MANY_CONNECTIONS', 'Full', { retryAfter: 4.2 }));
    expect(headersOf(full).get('Retry-After')).toBe('5');
    expect(headersOf(lastWords(tooSlow())).has('Retry-After')).toBe(false);
  });

  it('has a date, and the length of its body', () => {
    const answer = lastWords(tooSlow());
    const headers = headersOf(answer);
    expect(headers.get('Date')).toBe(new Date(headers.get('Date') ?? '').toUTCString());
    expect(headers.get('Content-Length')).toBe(String(Buffer.byteLength(answer.split('\r\n\r\n')[1] ?? '')));
  });
});
