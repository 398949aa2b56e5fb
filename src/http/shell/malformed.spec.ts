// The last answers of connections: whole ones, as HTTP has them, and in words that whoever asked understands.
import { describe, expect, it } from '@jest/globals';
import { NestorError } from '../../errors.js';
import { lastWords, malformation, tooSlow } from './malformed.js';

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

  it.each([
    ['/v1/embeddings', 408, { error: { message: tooSlow().message, type: 'invalid_request_error', param: null, code: 'request_timeout' } }],
    ['/v2/models/a/infer', 408, { code: 'REQUEST_TIMEOUT', error: tooSlow().message, instance: 'urn:request:id-1' }],
    ['/embed', 408, { error: tooSlow().message, error_type: 'Validation' }],
    ['/v1/models/a/predict', 408, { code: 'REQUEST_TIMEOUT', instance: 'urn:request:id-1' }],
  ])('to a request of %s is in the words of its clients, under its id', (path, status, body) => {
    const answer = lastWords(tooSlow(), { id: 'id-1', path, served: true });
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} Request Timeout\\r\\n`));
    expect(headersOf(answer).get('X-Request-Id')).toBe('id-1');
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject(body);
  });

  it('to a request that text-embeddings-inference would refuse has its status', () => {
    const broken = malformation('HPE_INVALID_CHUNK_SIZE', 1);
    if (!broken) throw new Error('no error');
    expect(lastWords(broken, { id: 'id-1', path: '/embed', served: true })).toMatch(/^HTTP\/1.1 422 Unprocessable Entity\r\n/);
    expect(lastWords(broken, { id: 'id-1', path: '/embed', served: false })).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
  });

  it('has a date, and the length of its body', () => {
    const answer = lastWords(tooSlow());
    const headers = headersOf(answer);
    expect(headers.get('Date')).toBe(new Date(headers.get('Date') ?? '').toUTCString());
    expect(headers.get('Content-Length')).toBe(String(Buffer.byteLength(answer.split('\r\n\r\n')[1] ?? '')));
  });
});
