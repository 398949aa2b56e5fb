// What an embedding input may be before anybody reads it.
import { expect, it } from '@jest/globals';
import { checkText } from './embedding.js';

it('refuses a text that a tokenizer would read for seconds, by name', () => {
  expect(() => {
    checkText('a'.repeat(2 ** 20), 'input[0]');
  }).not.toThrow();
  expect(() => {
    checkText('a'.repeat(2 ** 20 + 1), 'input[7]');
  }).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'input[7]', message: expect.stringContaining('1048576') }));
});
