// What an embedding input may be before anybody reads it, and what may be asked of its vector.
import { expect, it } from '@jest/globals';
import type { Model } from '../models/model.js';
import { checkText, vectorOf } from './embedding.js';

it('refuses a text that a tokenizer would read for seconds, by name', () => {
  expect(() => {
    checkText('a'.repeat(2 ** 20), 'input[0]');
  }).not.toThrow();
  expect(() => {
    checkText('a'.repeat(2 ** 20 + 1), 'input[7]');
  }).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'input[7]', message: expect.stringContaining('1048576') }));
});

it('refuses more dimensions than a vector has, of a graph that did not say how many too', () => {
  const cut = (dimensions: number) =>
    vectorOf({ normalize: false } as Model, Float32Array.of(3, 4, 5), true, { dimensions, normalize: false });
  expect(cut(2)).toEqual(Float32Array.of(3, 4));
  expect(cut(3)).toEqual(Float32Array.of(3, 4, 5));
  expect(() => cut(4)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'dimensions' }));
});
