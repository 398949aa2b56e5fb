// Messages with more fields than anybody needs are refused before anything is made of them.
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ModelInferRequestSchema as SCHEMA } from '../grpc/inference_pb.js';
import { parseMessage } from './message.js';

const FIELDS = 128 * 1024;
const parse = (bytes: Uint8Array) => () => parseMessage(SCHEMA, bytes, 'message');
/** The same field, empty, again and again. */
const repeated = (number: number, times: number): Buffer => Buffer.alloc(2 * times, Buffer.from([(number << 3) | 2, 0]));

describe('a message', () => {
  it('with numbers in plenty is read: packed, they are one field', () => {
    const fp32Contents = Array.from({ length: 300_000 }, (_, index) => index);
    const message = create(SCHEMA, { modelName: 'm', inputs: [{ name: 'x', contents: { fp32Contents } }] });
    expect(parse(toBinary(SCHEMA, message))().inputs[0]?.contents?.fp32Contents).toHaveLength(300_000);
  });

  it.each([
    ['tensors', 5],
    ['blocks of bytes', 7],
    ['fields that it does not know', 15],
  ])('with too many %s is refused', (_, number) => {
    expect(parse(repeated(number, FIELDS))).not.toThrow();
    expect(parse(repeated(number, FIELDS + 1))).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', field: 'message' }));
  });

  it('with too many fields in one of its messages is refused', () => {
    const inner = repeated(3, FIELDS);
    const length = toBinary(SCHEMA, create(SCHEMA, { id: 'a'.repeat(inner.length) })).subarray(1, -inner.length);
    expect(parse(Buffer.concat([Buffer.from([(5 << 3) | 2]), length, inner]))).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }),
    );
  });

  it('that is none is invalid, large or small', () => {
    for (const size of [10, 200_000])
      expect(parse(Buffer.alloc(size, 0xff))).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'message' }));
  });
});
