// What a request may ask to be computed before anything is: neither hours of work for a short body, nor an answer to nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { removeRepositories, written } from '../../test/setup/repository.js';
import type { CacheService } from '../cache/cache.service.js';
import { KeyMaker } from '../cache/key.js';
import { Cancellation } from '../cancellation.js';
import { ImageRecipe } from '../features/image-recipe.js';
import { Prompts } from '../features/prompts.js';
import { Tokenizer, type Cut } from '../features/tokenizer.js';
import type { Model } from '../models/model.js';
import { Signature } from '../models/signature.js';
import type { EmbedOptions } from './embedding.js';
import { Features } from './features.js';
import { embeddingWork, workOf, type Work } from './work.js';

/** It knows two words, and adds nothing to a text. */
const WORDS = {
  version: '1.0',
  added_tokens: [],
  pre_tokenizer: { type: 'Whitespace' },
  model: { type: 'WordLevel', vocab: { '?': 0, one: 1, two: 2, thelongestwordofthemall: 3 }, unk_token: '?' },
};

const features = new Features({ enabled: false } as Partial<CacheService> as CacheService);
let model: Model;

beforeAll(async () => {
  const folder = await written({ 'tokenizer.json': JSON.stringify(WORDS) });
  const partial: Partial<Model> = {
    task: 'embeddings',
    tokenizer: await Tokenizer.load(join(folder, 'tokenizer.json'), { maxLength: 8 }),
    signature: Signature.of({ inputs: [{ name: 'input_ids', type: 'int64', shape: ['texts', 'tokens'] }], outputs: [] }),
    prompts: Prompts.compile({ prefixes: { query: 'query: ' } }),
  };
  model = partial as Model;
});
afterAll(removeRepositories);

describe('a prompt', () => {
  const work = (inputs: number, options: EmbedOptions): Work =>
    embeddingWork(model, new Array<string>(inputs).fill('a'), options, features);

  it('that is long goes in front of as many inputs as make a large body, and no more', () => {
    const prompt = { text: 'x'.repeat(64 * 1024) };
    expect(work(512, { prompt }).size).toBe(512);
    expect(() => work(513, { prompt })).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', field: 'prompt' }));
  });

  it('that is longer than a text may be is refused', () => {
    const prompt = { text: 'x'.repeat(1024 * 1024 + 1) };
    expect(() => work(1, { prompt })).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'prompt' }));
  });

  it('goes in front of as many token ids as make a long text, and no more', () => {
    const most = new Array<number>(64 * 1024).fill(1);
    const prompt = { name: 'query' };
    expect(embeddingWork(model, [most], { prompt }, features).size).toBe(1);
    expect(embeddingWork(model, [[...most, 1]], {}, features).size).toBe(1);
    expect(() => embeddingWork(model, ['a', [...most, 1]], { prompt }, features)).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', field: 'input[1]' }),
    );
  });

  it('of the model goes in front of whatever the queue admits', () => {
    expect(work(32_768, { prompt: { name: 'query' } }).size).toBe(32_768);
  });
});

it('leaves no token of a text out for those of a prompt that were cut off at the left', async () => {
  const texts = ['one', 'one two one two one two', 'one two one two one two one', 'one '.repeat(100)];
  const skipped = async (cut: Cut): Promise<number[]> => {
    const work = embeddingWork(model, texts, { prompt: { name: 'query' }, cut }, features);
    await work.tensors([0, 1, 2, 3]);
    return [0, 1, 2, 3].map(work.skipped);
  };
  await expect(skipped('right')).resolves.toEqual([2, 2, 2, 2]);
  await expect(skipped('left')).resolves.toEqual([2, 2, 1, 0]);
});

it('refuses a text of which the tokenizer makes nothing, as an input and as an instance, by its place', async () => {
  const texts = ['one', 'two one', ' '];
  const embedding = embeddingWork(model, texts, {}, features);
  const prediction = workOf(model, { kind: 'texts', texts }, features);
  await expect(embedding.tensors([1, 2])).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'input[2]' });
  await expect(prediction.tensors([1, 2])).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'instances[2]' });
  for (const work of [embedding, prediction]) {
    expect((await work.tensors([0, 1])).map(([ids]) => ids?.shape)).toEqual([
      [1, 1],
      [1, 2],
    ]);
  }
});

describe('texts that nobody waits for any more', () => {
  const cancelling = (cancellation: Cancellation) => {
    const asked: number[] = [];
    const tokens: Features['tokens'] = (_model, _tokenizer, texts) => {
      asked.push(texts.length);
      cancellation.abort();
      return Promise.resolve(texts.map(() => [1]));
    };
    return { asked, features: { tokens } as Partial<Features> as Features };
  };
  const LONG = 'one '.repeat(200_000);

  it.each([
    ['many', new Array<string>(1000).fill('one'), 64],
    ['long', new Array<string>(8).fill(LONG), 1],
  ])('that are %s are not read to their end', async (_, texts, first) => {
    for (const workOn of [
      (some: Features) => embeddingWork(model, texts, {}, some),
      (some: Features) => workOf(model, { kind: 'texts', texts }, some),
    ]) {
      const cancellation = new Cancellation();
      const { asked, features: some } = cancelling(cancellation);
      const places = texts.map((_text, place) => place);
      await expect(workOn(some).tensors(places, { signal: cancellation })).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(asked).toEqual([first]);
    }
  });
});

describe('token ids with a prompt', () => {
  const options = { prompt: { name: 'query' } };

  it('become text again in turns that are as long as those of texts', async () => {
    const asked: number[] = [];
    const tokens: Features['tokens'] = (_model, _tokenizer, texts) => {
      asked.push(texts.length);
      return Promise.resolve(texts.map(() => new Array<number>(8).fill(1)));
    };
    const lists = new Array<number[]>(8).fill(new Array<number>(50_000).fill(1));
    const places = lists.map((_list, place) => place);
    const some = { tokens } as Partial<Features> as Features;
    await embeddingWork(model, lists, options, some).tensors(places);
    expect(asked).toEqual([2, 2, 2, 2]);
  });

  it('that stand for a text that is too long are refused', async () => {
    const work = embeddingWork(model, [[1], new Array<number>(64 * 1024).fill(3)], options, features);
    await expect(work.tensors([0, 1])).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'input[1]' });
  });
});

describe('keys', () => {
  const maker = new KeyMaker('model', 'any', {});

  /** Turns that others have while the keys are made. */
  async function turnsDuring({ keys, size }: Work): Promise<number> {
    let turns = 0;
    let next = setImmediate(function turn() {
      turns += 1;
      next = setImmediate(turn);
    });
    const made = await keys(maker);
    clearImmediate(next);
    expect(made).toHaveLength(size);
    return turns;
  }

  const ofTexts = (texts: readonly string[]): Work => workOf(model, { kind: 'texts', texts }, features);

  it('of many inputs are made in turns, and of few short ones at once', async () => {
    expect(await turnsDuring(ofTexts(new Array<string>(256).fill('one')))).toBe(0);
    expect(await turnsDuring(ofTexts(new Array<string>(1024).fill('one')))).toBeGreaterThanOrEqual(3);
  });

  it('of long texts, lists of ids and pictures are made in turns', async () => {
    const image = Object.assign(new ImageRecipe(), { height: 1, width: 1 });
    const signature = Signature.of({ inputs: [{ name: 'picture', type: 'float32', shape: [-1, 3, 1, 1] }], outputs: [] });
    const images = new Array<Uint8Array>(16).fill(new Uint8Array(128 * 1024));
    const long = new Array<string>(16).fill('x'.repeat(128 * 1024));
    for (const work of [
      ofTexts(long),
      embeddingWork(model, long, {}, features),
      embeddingWork(model, new Array<number[]>(16).fill(new Array<number>(128 * 1024).fill(1)), {}, features),
      workOf({ ...model, image, signature }, { kind: 'images', images }, features),
    ])
      expect(await turnsDuring(work)).toBeGreaterThanOrEqual(7);
  });

  it('of short texts behind a long prompt are made in turns', async () => {
    const prompt = { text: 'x'.repeat(64 * 1024) };
    expect(await turnsDuring(embeddingWork(model, new Array<string>(64).fill('a'), { prompt }, features))).toBeGreaterThanOrEqual(15);
  });
});

describe('pictures that nobody waits for any more', () => {
  const images = new Array<Uint8Array>(100).fill(new Uint8Array());
  const places = images.map((_, place) => place);
  const image = Object.assign(new ImageRecipe(), { height: 1, width: 1 });
  const signature = Signature.of({ inputs: [{ name: 'picture', type: 'float32', shape: [-1, 3, 1, 1] }], outputs: [] });

  /** Whose pictures are decoded, `leave` being called meanwhile. */
  const leaving = (leave: () => void) => {
    const decoded: number[] = [];
    const decode: Features['pictures'] = (_model, _recipe, { name }, _images, some) => {
      decoded.push(some.length);
      leave();
      return Promise.resolve(some.map(() => ({ name, datatype: 'FP32', shape: [1, 3, 1, 1], data: new Float32Array(3) })));
    };
    const features: Partial<Features> = { pictures: decode };
    return { decoded, work: workOf({ ...model, image, signature }, { kind: 'images', images }, features as Features) };
  };

  it('are not decoded to their end, since the client is gone', async () => {
    const cancellation = new Cancellation();
    const { decoded, work } = leaving(() => {
      cancellation.abort();
    });
    await expect(work.tensors(places, { signal: cancellation })).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(decoded).toEqual([8]);
  });

  it('are not decoded to their end, since the deadline has passed', async () => {
    const waits = { deadline: Infinity };
    const { decoded, work } = leaving(() => undefined);
    await expect(work.tensors(places, waits)).resolves.toHaveLength(100);
    decoded.length = 0;
    await expect(work.tensors(places, { deadline: performance.now() })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(decoded).toEqual([]);
  });
});

it('refuses more pictures than there is memory for, before one is decoded', () => {
  const image = Object.assign(new ImageRecipe(), { height: 224, width: 224 });
  const signature = Signature.of({ inputs: [{ name: 'picture', type: 'float32', shape: [-1, 3, 224, 224] }], outputs: [] });
  const work = (count: number): Work =>
    workOf({ ...model, image, signature }, { kind: 'images', images: new Array<Uint8Array>(count).fill(new Uint8Array()) }, features);
  expect(work(1783).size).toBe(1783);
  expect(() => work(1784)).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', field: 'instances' }));
});

it('makes of a picture what the input takes', async () => {
  const image = Object.assign(new ImageRecipe(), { height: 1, width: 1 });
  const signature = Signature.of({ inputs: [{ name: 'picture', type: 'float16', shape: [-1, 3, 1, 1] }], outputs: [] });
  const images = [readFileSync('test/fixtures/text-line-0.png')];
  const [[tensor] = []] = await workOf({ ...model, image, signature }, { kind: 'images', images }, features).tensors([0]);
  expect(tensor).toMatchObject({ name: 'picture', datatype: 'FP16', shape: [1, 3, 1, 1] });
});
