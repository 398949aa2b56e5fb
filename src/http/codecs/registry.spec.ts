// Which format a request is in, and which its answer goes out in.
import { describe, expect, it } from '@jest/globals';
import { decoderFor, encodersFor, mediaTypes } from './registry.js';

function chosen(accept: string | undefined, contentType?: string): string[] {
  return encodersFor('Prediction', accept, decoderFor('Prediction', contentType)).map((codec) => codec.mediaTypes[0]);
}

describe('the format of a request', () => {
  it.each([
    [undefined, 'application/json'],
    ['application/json; charset=utf-8', 'application/json'],
    ['Application/Vnd.api+JSON', 'application/json'],
    ['application/x-msgpack', 'application/msgpack'],
    ['image/webp', 'image/png'],
    ['multipart/form-data; boundary=x', 'multipart/form-data'],
  ])('%s', (contentType, expected) => {
    expect(decoderFor('Prediction', contentType).mediaTypes[0]).toBe(expected);
  });

  it.each(['text/plain', 'application/json+xml', 'constructor'])('%s is refused', (contentType) => {
    expect(() => decoderFor('Prediction', contentType)).toThrow(/send application\/json/);
  });

  it('is only what the route can read', () => {
    expect(() => decoderFor('Embeddings', 'application/octet-stream')).toThrow(/not supported/);
    expect(mediaTypes('decode', 'Prediction')).toContain('image/jpeg');
  });
});

describe('the format of an answer', () => {
  it('is that of the request where anything is welcome', () => {
    expect(chosen(undefined)[0]).toBe('application/json');
    expect(chosen('*/*', 'application/x-npy')[0]).toBe('application/x-npy');
    expect(chosen('application/*', 'application/msgpack')[0]).toBe('application/msgpack');
  });

  it('follows q-values, the most specific range first', () => {
    expect(chosen('application/json;q=0.1, application/msgpack;q=0.9')).toEqual(['application/msgpack', 'application/json']);
    expect(chosen('application/*;q=0.2, application/x-npy, application/json;q=0')[0]).toBe('application/x-npy');
    expect(chosen('*/*, application/json;q=0', 'application/json')).not.toContain('application/json');
  });

  it('is JSON for a picture', () => {
    expect(chosen('*/*', 'image/png')[0]).toBe('application/json');
  });

  it.each(['text/html', 'image/png', 'application/json;q=0', 'application/json;q=NaN', ';', 'json'])('%s is refused', (accept) => {
    expect(() => chosen(accept)).toThrow(/The answer is application\/json/);
  });
});
