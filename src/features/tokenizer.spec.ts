// The tokenizer: Python's ids for two hundred real texts, alone and in company.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Tokenizer } from './tokenizer.js';

const PATH = 'models/all-minilm-l6-v2/1/tokenizer.json';
const sentences = JSON.parse(readFileSync('test/fixtures/minilm-sentences.json', 'utf8')) as { text: string; ids: number[] }[];
const texts = sentences.map(({ text }) => text);
const ids = sentences.map((sentence) => sentence.ids);

/** The shipped tokenizer with other padding and truncation. */
async function variant(changes: Record<string, unknown>, maxLength?: number): Promise<Tokenizer> {
  const folder = await mkdtemp(join(tmpdir(), 'nestor-tokenizer-'));
  const original = JSON.parse(readFileSync(PATH, 'utf8')) as Record<string, unknown>;
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify({ ...original, ...changes }));
  const tokenizer = await Tokenizer.load(join(folder, 'tokenizer.json'), { maxLength });
  await rm(folder, { recursive: true });
  return tokenizer;
}

describe('Tokenizer', () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await Tokenizer.load(PATH, { maxLength: 256 });
  });

  it('gives the ids of the reference, all together', async () => {
    expect(texts).toHaveLength(200);
    await expect(tokenizer.encode(texts)).resolves.toEqual(ids);
  });

  it('gives the same ids alone, however many calls are under way', async () => {
    const alone = await Promise.all(texts.map((text) => tokenizer.encode([text])));
    expect(alone.flat()).toEqual(ids);
  });

  it('has nothing to say about nothing', async () => {
    await expect(tokenizer.encode([])).resolves.toEqual([]);
    await expect(tokenizer.encode([''])).resolves.toEqual([[101, 102]]);
  });

  it('cuts a long text at the right, special tokens kept, alone and together', async () => {
    const long = 'word '.repeat(1000);
    const [alone = []] = await tokenizer.encode([long]);
    expect([alone.length, alone[0], alone.at(-1)]).toEqual([256, 101, 102]);
    await expect(tokenizer.encode([long, 'word'])).resolves.toEqual([alone, [101, 2773, 102]]);
  });

  it('cuts a long text at the left, or leaves one id too many to be seen', async () => {
    const words = Array.from({ length: 300 }, (_, index) => (index % 2 ? 'word' : 'house'));
    const [whole = []] = await (await variant({ truncation: null }, 1000)).encode([words.join(' ')]);
    const [left = [], short = []] = await tokenizer.encode([words.join(' '), 'word'], 'left');
    expect(left).toEqual([101, ...whole.slice(-255)]);
    expect(short).toEqual([101, 2773, 102]);
    const [uncut = [], fits = []] = await tokenizer.encode(['word '.repeat(1000), 'word '.repeat(254)], 'never');
    expect([uncut.length, fits.length]).toEqual([257, 256]);
  });

  it('tells where each token stands, in bytes, and turns ids back into text', async () => {
    const tokens = await tokenizer.tokenize('Où 東 🎉!', true);
    expect(tokens).toEqual([
      { id: 101, text: '[CLS]', special: true, start: null, stop: null },
      { id: 15068, text: 'Où', special: false, start: 0, stop: 3 },
      { id: 1879, text: '東', special: false, start: 4, stop: 7 },
      { id: 100, text: '🎉', special: false, start: 8, stop: 12 },
      { id: 999, text: '!', special: false, start: 12, stop: 13 },
      { id: 102, text: '[SEP]', special: true, start: null, stop: null },
    ]);
    await expect(tokenizer.tokenize('word '.repeat(1000), false)).resolves.toHaveLength(1000);
    await expect(tokenizer.tokenize('x'.repeat(tokenizer.maxCharacters + 1), true)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(tokenizer.decode([[101, 2773, 102], [2773]], true)).resolves.toEqual(['word', 'word']);
    await expect(tokenizer.decode([[101, 2773, 102]], false)).resolves.toEqual(['[CLS] word [SEP]']);
  });

  it('counts the tokens of a prefix without a special token at its end', async () => {
    await expect(tokenizer.prefixLength('query: ')).resolves.toBe(3);
    const [ids = []] = await tokenizer.encode(['query: word']);
    expect(ids.slice(3)).toEqual([2773, 102]);
  });

  it('counts what a cut on the left leaves of a prefix: nothing of it first, then a part, then all', async () => {
    const left = (words: number): Promise<number> => tokenizer.prefixLeft('query: ', `query: ${'word '.repeat(words)}`);
    await expect(Promise.all([251, 252, 253, 254, 300, 100_000].map(left))).resolves.toEqual([3, 3, 2, 1, 1, 1]);
    // Its own first tokens are cut off too.
    const long = 'query '.repeat(30_000);
    await expect(tokenizer.prefixLeft(long, `${long}word word`)).resolves.toBe(253);
  });

  it('knows its vocabulary and its padding', () => {
    expect([tokenizer.vocabularySize, tokenizer.padTokenId, tokenizer.maxLength]).toEqual([30_522, 0, 256]);
  });

  it('takes the longest length from its file where none is given, and else cuts nothing', async () => {
    const truncation = { direction: 'Right', max_length: 8, strategy: 'LongestFirst', stride: 0 };
    const cut = await variant({ truncation });
    expect(cut.maxLength).toBe(8);
    expect((await cut.encode(['word '.repeat(20)]))[0]).toHaveLength(8);
    const uncut = await variant({ truncation: null });
    expect(uncut.maxLength).toBeUndefined();
    expect((await uncut.encode(['word '.repeat(2000)]))[0]).toHaveLength(2002);
    expect((await variant({ truncation }, 12)).maxLength).toBe(12);
  });

  it('reads a file whose vocabulary does not come last', async () => {
    const original = JSON.parse(readFileSync(PATH, 'utf8')) as Record<string, unknown>;
    const truncation = { direction: 'Right', max_length: 8, strategy: 'LongestFirst', stride: 0 };
    const { model, added_tokens: added, ...others } = { ...original, truncation } as Record<string, unknown>;
    for (const reordered of [
      { model, added_tokens: added, ...others },
      { added_tokens: added, model, ...others },
    ]) {
      const folder = await mkdtemp(join(tmpdir(), 'nestor-tokenizer-'));
      await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(reordered));
      const read = await Tokenizer.load(join(folder, 'tokenizer.json'), { maxLength: undefined });
      await rm(folder, { recursive: true });
      expect([read.maxLength, await read.prefixLength('query: ')]).toEqual([8, 3]);
    }
  });

  it('is made once for files of the same content and texts of the same length', async () => {
    await expect(Tokenizer.load(PATH, { maxLength: 256 })).resolves.toBe(tokenizer);
    const others = [await Tokenizer.load(PATH, { maxLength: 128 }), await variant({ truncation: null }, 256)];
    for (const other of others) expect(other).not.toBe(tokenizer);
    expect(others.map(({ maxLength }) => maxLength)).toEqual([128, 256]);
  });

  it('drops the padding of its file, and pads with its token', async () => {
    const padding = {
      strategy: { Fixed: 32 },
      direction: 'Right',
      pad_to_multiple_of: null,
      pad_id: 5,
      pad_type_id: 0,
      pad_token: '[PAD]',
    };
    const padded = await variant({ padding });
    expect(padded.padTokenId).toBe(5);
    await expect(padded.encode(['word', 'word'])).resolves.toEqual([
      [101, 2773, 102],
      [101, 2773, 102],
    ]);
  });

  it('cannot be loaded from a file that is none', async () => {
    await expect(Tokenizer.load('package.json', { maxLength: 8 })).rejects.toThrow();
    await expect(Tokenizer.load('none.json', { maxLength: 8 })).rejects.toThrow('none.json');
  });
});
