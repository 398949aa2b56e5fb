// Formats: JSON in, JSON out, and a refusal that says which header.
import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { requireJson } from './media-type.js';

const check = (headers: Readonly<Record<string, string>>) => () => {
  requireJson({ headers } as unknown as FastifyRequest);
};

describe('requireJson', () => {
  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON', 'application/ld+json', ''])('takes %j', (type) => {
    expect(check({ 'content-type': type })).not.toThrow();
  });

  it.each(['text/plain', 'application/jsonp', 'multipart/form-data; boundary=json', 'application/x-www-form-urlencoded'])(
    'does not take %j',
    (type) => {
      expect(check({ 'content-type': type })).toThrow(
        expect.objectContaining({
          code: 'UNSUPPORTED_MEDIA_TYPE',
          field: 'Content-Type',
          message: expect.stringContaining('application/json'),
        }),
      );
    },
  );

  it.each(['application/json', '*/*', 'text/html, application/*;q=0.8', 'application/problem+json', ''])('answers %j', (accept) => {
    expect(check({ accept })).not.toThrow();
  });

  it.each(['text/html', 'application/xml', 'image/*'])('cannot answer %j', (accept) => {
    expect(check({ accept })).toThrow(expect.objectContaining({ code: 'NOT_ACCEPTABLE', field: 'Accept' }));
  });
});
