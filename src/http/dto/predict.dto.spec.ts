// Names of outputs are looked at one by one only where there are not too many.
import { expect, it } from '@jest/globals';
import { envelope } from '../envelope.js';
import { PredictBody } from './predict.dto.js';

it.each<[string, unknown, string]>([
  ['no list', 'scores', 'outputs must be an array of names'],
  ['too many, whatever they are', Array(1025).fill(1), 'outputs must contain no more than 1024 elements'],
  ['one that is no text', ['scores', 1], 'each value in outputs must be a string'],
])('outputs: %s', (_, outputs, message) => {
  expect(() => envelope(PredictBody, { outputs })).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', message }));
});
