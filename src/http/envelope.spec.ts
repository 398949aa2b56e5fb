// The outer fields of a body: what is wrong, missing or unknown is refused by name; the bulk is not touched.
import { describe, expect, it } from '@jest/globals';
import { IsInt, IsOptional, IsString } from 'class-validator';
import { envelope } from './envelope.js';

class Body {
  @IsString() readonly model!: string;
  @IsOptional() @IsInt() readonly dimensions?: number;
  @IsOptional() readonly input?: unknown;
}

const read = (json: string): Body => envelope(Body, JSON.parse(json));

describe('envelope', () => {
  it('gives an instance of the DTO that refers to the parsed values', () => {
    const input = [[1], [2]];
    const body = envelope(Body, { model: 'a', input });
    expect(body).toBeInstanceOf(Body);
    expect(body.input).toBe(input);
  });

  it.each(['null', '[]', '"text"', '1', 'true'])('refuses the body %s', (json) => {
    expect(() => read(json)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'body' }));
  });

  it.each([
    ['{}', 'model'],
    ['{"model": 1}', 'model'],
    ['{"model": null}', 'model'],
    ['{"model": "a", "dimensions": 1.5}', 'dimensions'],
    ['{"model": "a", "dimension": 1}', 'dimension'],
    ['{"model": "a", "__proto__": {"model": "b"}}', '__proto__'],
    ['{"model": "a", "constructor": null}', 'constructor'],
    ['{"model": "a", "constructor": {"name": "x"}}', 'constructor'],
    ['{"model": "a", "hasOwnProperty": 1}', 'hasOwnProperty'],
    ['{"model": "a", "toString": "x"}', 'toString'],
    ['{"model": "a", "": 1}', ''],
  ])('refuses %s and names %j', (json, field) => {
    expect(() => read(json)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field, message: expect.stringContaining(field) }));
  });
});
