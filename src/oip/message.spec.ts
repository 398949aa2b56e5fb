// Messages with more fields than anybody needs are refused before anything is made of them.
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from '@jest/globals';
import { ModelInferRequestSchema as SCHEMA } from '../grpc/inference_pb.js';
import { PredictRequestSchema } from '../http/codecs/nestor_pb.js';
import { parseMessage } from './message.js';

const FIELDS = 128 * 1024;
const INTEGERS = 1024 * 1024;
const parse = (bytes: Uint8Array) => () => parseMessage(SCHEMA, bytes, 'message');
/** The same field, empty, again and again. */
const repeated = (number: number, times: number): Buffer => Buffer.alloc(2 * times, Buffer.from([(number << 3) | 2, 0]));
/** A field of bytes, or a message. */
const block = (number: number, bytes: Uint8Array): Uint8Array =>
  new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish();
/** The tag and a byte of one number after another. */
const numbers = (number: number, times: number): Buffer => Buffer.alloc(2 * times, Buffer.from([number << 3, 1]));

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

  it.each([
    ['a shape', (count: number) => block(5, block(3, Buffer.alloc(count, 1))), (count: number) => ({ shape: { length: count } })],
    [
      'INT64 of two bytes each',
      (count: number) => block(5, block(5, block(3, Buffer.alloc(2 * count, Buffer.from([0x80, 1]))))),
      (count: number) => ({ contents: { int64Contents: { length: count } } }),
    ],
    [
      'BOOL in several pieces',
      (count: number) => block(5, block(5, Buffer.concat([block(1, Buffer.alloc(count - 1, 1)), block(1, Buffer.alloc(1))]))),
      (count: number) => ({ contents: { boolContents: { length: count } } }),
    ],
  ])('with too many integers, %s, is refused', (_, message, tensor) => {
    expect(parse(message(INTEGERS))().inputs[0]).toMatchObject(tensor(INTEGERS));
    expect(parse(message(INTEGERS + 1))).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', field: 'message', message: expect.stringContaining('raw_input_contents') }),
    );
  });

  it('with as many floating-point numbers as a body holds is read, and with more refused', () => {
    const floats = (count: number) => block(5, block(5, block(6, Buffer.alloc(4 * count))));
    expect(parse(floats(8 * INTEGERS))().inputs[0]?.contents?.fp32Contents).toHaveLength(8 * INTEGERS);
    expect(parse(floats(8 * INTEGERS + 1))).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }));
  });

  it.each([
    ['an integer', block(3, Buffer.alloc(FIELDS, 0x80))],
    ['a float', block(5, block(6, Buffer.alloc(FIELDS + 1)))],
  ])('with a list that ends amid %s is invalid: what is behind would be read as part of it', (_, tensor) => {
    const bytes = Buffer.concat([block(5, tensor), block(3, Buffer.alloc(10))]);
    expect(parse(bytes)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', message: expect.stringContaining('amid a number') }));
  });

  it('with too many fields in one of its messages is refused', () => {
    expect(parse(block(5, repeated(3, FIELDS)))).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }));
  });

  it.each([
    ['a parameter', SCHEMA, 4, 1],
    ['a tensor', PredictRequestSchema, 1, 2],
  ])('with too many fields in %s, the value of a map, is refused', (_, schema, map, number) => {
    const entry = (times: number): Uint8Array => block(map, Buffer.concat([block(1, Buffer.from('k')), block(2, numbers(number, times))]));
    // Two of the entry, and the entry.
    expect(() => parseMessage(schema, entry(FIELDS - 3), 'message')).not.toThrow();
    expect(() => parseMessage(schema, entry(FIELDS - 2), 'message')).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }));
  });

  it.each([
    ['a group', 15, WireType.StartGroup],
    ['a message that says it is a number', 5, WireType.Varint],
    ['a text that says it is eight bytes', 3, WireType.Bit64],
  ])('with %s is invalid: it would be read on another way than counted', (_, number, type) => {
    const bytes = Buffer.concat([new BinaryWriter().tag(number, type).finish(), numbers(1, FIELDS), Buffer.from([(15 << 3) | 4])]);
    expect(parse(bytes)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', message: expect.stringContaining(`field ${number}`) }));
  });

  it('that is none is invalid, large or small', () => {
    for (const size of [10, 200_000])
      expect(parse(Buffer.alloc(size, 0xff))).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'message' }));
  });
});
