// What a graph does not say of its inputs: from the config of a text model, and from model.yaml on top.
import { describe, expect, it } from '@jest/globals';
import { inputLimits, type InputLimit } from './input-limits.js';
import type { Config, ModelFiles } from './model-files.js';

function limits(config: Config | undefined, given?: ReadonlyMap<string, InputLimit>) {
  const files: Partial<ModelFiles> = { config };
  return Object.fromEntries(inputLimits(files as ModelFiles, given));
}

describe('inputLimits', () => {
  it('keeps token ids within the tables of a text model', () => {
    expect(limits({ vocab_size: 100, type_vocab_size: 2, max_position_embeddings: 64 })).toEqual({
      input_ids: { min: 0, max: 99, maxLength: 64 },
      token_type_ids: { min: 0, max: 1, maxLength: 64 },
      position_ids: { min: 0, max: 63, maxLength: 64 },
    });
  });

  it('leaves open what the config does not say', () => {
    expect(limits({ vocab_size: 100 }).input_ids).toEqual({ min: 0, max: 99 });
    expect(limits({}).token_type_ids).toEqual({ min: 0 });
  });

  it.each(['roberta', 'xlm-roberta', 'camembert', 'mpnet'])('counts the positions of %s from behind the padding token', (model_type) => {
    const config = { model_type, max_position_embeddings: 514, vocab_size: 100 };
    expect(limits({ ...config, pad_token_id: 1 })).toMatchObject({ input_ids: { maxLength: 512 }, position_ids: { max: 513 } });
    expect(limits(config).input_ids).toMatchObject({ maxLength: 512 });
    expect(limits({ ...config, model_type: 'bert', pad_token_id: 1 }).input_ids).toMatchObject({ maxLength: 514 });
  });

  it('knows none without a config', () => {
    expect(limits(undefined)).toEqual({});
  });

  it('lets model.yaml have the last word, member by member, on any input', () => {
    const given = new Map<string, InputLimit>([
      ['input_ids', { max: 9 }],
      ['rate', { values: [8000, 16000] }],
    ]);
    expect(limits({ vocab_size: 100, max_position_embeddings: 64 }, given)).toMatchObject({
      input_ids: { min: 0, max: 9, maxLength: 64 },
      rate: { values: [8000, 16000] },
    });
  });
});
