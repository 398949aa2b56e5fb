// What is too much to be taken apart, or put together, for one request is refused.
import { expect, it } from '@jest/globals';
import { idsOf, textsOf } from './tei-inputs.js';

const refusal = { code: 'PAYLOAD_TOO_LARGE' };

it('token ids may be as many as one turn of the event loop bears, in however many lists', () => {
  const most = 64 * 1024;
  const ids = (count: number): number[] => Array<number>(count).fill(2000);
  expect(idsOf(ids(most))).toEqual([ids(most)]);
  for (const value of [ids(most + 1), [ids(most), [1]], ids(most + 1).map((id) => [id])]) {
    expect(() => idsOf(value)).toThrow(expect.objectContaining({ ...refusal, field: 'ids' }));
  }
});

it('texts may have as many characters, over all of them', () => {
  const text = 'a'.repeat(256 * 1024);
  expect(textsOf(text)).toEqual([text]);
  expect(() => textsOf([text, 'a'])).toThrow(expect.objectContaining(refusal));
});
