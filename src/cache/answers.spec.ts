// Whole answers keep to their bound, in memory of their own.
import { expect, it } from '@jest/globals';
import { Answers, type Answer } from './answers.js';

it('keeps an answer in memory of its own, not in what small buffers share', () => {
  const answers = new Answers(1024 * 1024);
  const body = Buffer.from('{"outputs":[]}');
  expect(body.buffer.byteLength).toBeGreaterThan(body.byteLength);
  const answer: Answer = { body, headers: {}, name: 'm', asked: undefined, version: '1', scope: 'm', rows: 1 };
  answers.set('key', answer, undefined);
  expect(answers.get('key')).toEqual(answer);
  expect(answers.get('key')?.body.buffer.byteLength).toBe(body.byteLength);
});
