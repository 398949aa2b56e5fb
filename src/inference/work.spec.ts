// What a request may ask to be computed before anything is: a short body must not become hours of work.
import { describe, expect, it } from '@jest/globals';
import { Prompts } from '../features/prompts.js';
import type { Tokenizer } from '../features/tokenizer.js';
import type { Model } from '../models/model.js';
import type { EmbedOptions } from './embedding.js';
import type { Features } from './features.js';
import { embeddingWork, type Work } from './work.js';

const tokenizer = { vocabularySize: 10 } as Partial<Tokenizer> as Tokenizer;
const partial: Partial<Model> = { task: 'embeddings', tokenizer, prompts: Prompts.compile({ prefixes: { query: 'query: ' } }) };
const work = (inputs: number, options: EmbedOptions): Work =>
  embeddingWork(partial as Model, new Array<string>(inputs).fill('a'), options, {} as Features);

describe('a prompt', () => {
  it('that is long goes in front of as many inputs as make a large body, and no more', () => {
    const prompt = { text: 'x'.repeat(64 * 1024) };
    expect(work(512, { prompt }).size).toBe(512);
    expect(() => work(513, { prompt })).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', field: 'prompt' }));
  });

  it('that is longer than a text may be is refused', () => {
    const prompt = { text: 'x'.repeat(1024 * 1024 + 1) };
    expect(() => work(1, { prompt })).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'prompt' }));
  });

  it('of the model goes in front of whatever the queue admits', () => {
    expect(work(32_768, { prompt: { name: 'query' } }).size).toBe(32_768);
  });
});
