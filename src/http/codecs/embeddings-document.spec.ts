// Inputs of an embeddings request: each is told by its place what is wrong with it, and too many are refused before any is made.
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it, jest } from '@jest/globals';
import { MOST_INPUTS, MOST_TOKEN_IDS, readInputs } from './embeddings-document.js';
import { EmbeddingsRequestSchema } from './nestor_pb.js';
import { protobufCodec } from './protobuf.codec.js';
import { NumberBlock } from './number-block.js';

const block = (...shape: number[]): NumberBlock =>
  new NumberBlock(shape, new Float64Array(shape.reduce((all, size) => all * size, 1)).fill(7));

describe('readInputs', () => {
  it.each([
    ['a text', 'a', ['a']],
    ['texts', ['a', 'b'], ['a', 'b']],
    ['token ids', [1, 2], [[1, 2]]],
    ['lists of them', [[1], [2, 3]], [[1], [2, 3]]],
    ['both', ['a', [1]], ['a', [1]]],
    ['a block of token ids', block(3), [[7, 7, 7]]],
    ['a block of lists', block(2, 2), [[7, 7], [7, 7]]], // prettier-ignore
    ['texts beside a block', ['a', block(2)], ['a', [7, 7]]],
  ])('takes %s', (_, given, inputs) => {
    expect(readInputs(given, 'input')).toEqual(inputs);
  });

  it.each([
    ['nothing', [], 'input', 'input is empty'],
    ['an empty text', '', 'input', 'input is an empty text'],
    ['an empty text among others', ['a', ''], 'input[1]', 'input[1] is an empty text'],
    ['an empty list', [[1], []], 'input[1]', 'input[1] is an empty list of token ids'],
    ['a fraction', [1, 1.5], 'input', 'input must hold token ids only, whole numbers'],
    ['an object', [{}], 'input[0]', 'input[0] must be a text or a list of token ids'],
    ['bytes', Buffer.of(1), 'input', 'input must be a text or a list of token ids'],
    ['a block of tables', block(2, 2, 2), 'input[0]', 'input[0] must be a text or a list of token ids'],
    ['a table beside a text', ['a', block(MOST_INPUTS, 1)], 'input[1]', 'input[1] must be a text or a list of token ids'],
  ])('refuses %s', (_, given, field, message) => {
    expect(() => readInputs(given, 'input')).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field, message }));
  });

  it.each([
    ['one text', (count: number) => block(count), 1],
    ['texts in a block', (count: number) => block(2, count / 2), 2],
    ['texts of several lengths', (count: number) => [block(count / 2), block(count / 2)], 2],
  ])('refuses more token ids than it may look at in one go, of %s', (_, many, texts) => {
    expect(readInputs(many(MOST_TOKEN_IDS), 'input')).toHaveLength(texts);
    const rows = jest.spyOn(NumberBlock.prototype, 'rows');
    expect(() => readInputs(many(MOST_TOKEN_IDS + 2), 'input')).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', field: 'input' }),
    );
    expect(rows).not.toHaveBeenCalled();
    rows.mockRestore();
  });

  it('refuses as many over Protobuf', async () => {
    const bytes = toBinary(
      EmbeddingsRequestSchema,
      create(EmbeddingsRequestSchema, { model: 'm', texts: new Array<string>(MOST_INPUTS + 1).fill('a') }),
    );
    const reading = Promise.try(() => protobufCodec.decodeEmbeddings?.({ bytes: Buffer.from(bytes), headers: {} }));
    await expect(reading).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', field: 'texts' });
  });

  it.each([
    ['texts', (count: number) => new Array<string>(count).fill('a')],
    ['lists of token ids', (count: number) => new Array<number[]>(count).fill([1])],
    ['lists in a block', (count: number) => block(count, 1)],
  ])('refuses more %s than it may make at once', (_, many) => {
    expect(readInputs(many(MOST_INPUTS), 'input')).toHaveLength(MOST_INPUTS);
    expect(() => readInputs(many(MOST_INPUTS + 1), 'input')).toThrow(
      expect.objectContaining({
        code: 'PAYLOAD_TOO_LARGE',
        field: 'input',
        message: expect.stringContaining('Send them in parts') as unknown,
      }),
    );
  });
});
