// What is too much to be taken apart, or put together, for one request is refused.
import { expect, it } from '@jest/globals';
import { comparedOf, idsOf, textsOf } from './tei-inputs.js';

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

it('sentences may be as many as inputs, and are looked at only then', () => {
  const compared = (...sentences: unknown[]) => comparedOf({ source_sentence: 'a', sentences });
  expect(compared('b', 'c')).toEqual(['a', 'b', 'c']);
  expect(() => compared('b', [2000])).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'sentences' }));
  expect(() => comparedOf({ source_sentence: 'a', sentences: Array(64 * 1024).fill(1) })).toThrow(expect.objectContaining(refusal));
});
