// Requests share calls of the native tokenizer: what is asked for in one turn goes together, and none pays for another.
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Encoding } from 'tokenizers';
import { CHUNK, SharedEncoder } from './shared-encoder.js';

/** An encoder over a tokenizer that fails for the text `bad`, and the calls that this one got. */
function encoder(): { shared: SharedEncoder; calls: string[][] } {
  const calls: string[][] = [];
  const encodeBatch = (texts: unknown[]): Promise<Encoding[]> => {
    calls.push(texts as string[]);
    if (texts.includes('bad')) return Promise.reject(new Error('no such word'));
    return Promise.resolve(texts.map((text) => ({ getLength: () => (text as string).length }) as Encoding));
  };
  return { shared: new SharedEncoder({ encodeBatch }), calls };
}

const lengths = (encodings: Encoding[]): number[] => encodings.map((encoding) => encoding.getLength());

describe('SharedEncoder', () => {
  it('encodes together what is asked for in one turn, and gives each its own in order', async () => {
    const { shared, calls } = encoder();
    const asked = [['a'], ['bb', 'ccc'], [], ['dddd']].map((texts) => shared.encode(texts));
    await expect(Promise.all(asked).then((all) => all.map(lengths))).resolves.toEqual([[1], [2, 3], [], [4]]);
    expect(calls).toEqual([['a', 'bb', 'ccc', 'dddd']]);
  });

  it('does not wait for company beyond its turn, nor for calls that are under way', async () => {
    const { shared, calls } = encoder();
    const first = shared.encode(['a']);
    await setImmediate();
    expect(calls).toEqual([['a']]);
    const second = shared.encode(['b']);
    await Promise.all([first, second]);
    expect(calls).toEqual([['a'], ['b']]);
  });

  it('makes calls of a bounded number of texts, without tearing a request apart', async () => {
    const { shared, calls } = encoder();
    const sizes = [30, 30, 30, CHUNK, 1, 1];
    const all = await Promise.all(sizes.map((size) => shared.encode(Array.from({ length: size }, () => 'x'))));
    expect(all.map(({ length }) => length)).toEqual(sizes);
    expect(calls.map(({ length }) => length)).toEqual([60, 30, CHUNK, 2]);
  });

  it('lets no short text wait for long ones that came in the same turn', async () => {
    const { shared, calls } = encoder();
    const long = 'x'.repeat(60_000);
    const texts = [long, long, 'a', 'b', long + long, 'c'];
    await Promise.all(texts.map((text) => shared.encode([text])));
    expect(calls).toEqual([[long], [long, 'a', 'b'], [long + long], ['c']]);
  });

  it('fails the request whose text it cannot encode, and no other', async () => {
    const { shared } = encoder();
    const settled = await Promise.allSettled([['a'], ['bb', 'bad'], ['ccc']].map((texts) => shared.encode(texts)));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(settled.map((one) => (one.status === 'fulfilled' ? lengths(one.value) : (one.reason as Error).message))).toEqual([
      [1],
      'no such word',
      [3],
    ]);
  });
});
