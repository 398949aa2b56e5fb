// Messages of Protobuf out of bytes that anybody may have sent, for both doors.
import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { invalid, NestorError, reasonOf } from '../errors.js';

/**
 * Fields of a message and of those in it; numbers that are packed count as one. An object is made for each, in one turn of the event loop:
 * 32 MiB of empty tensors, two bytes each, held it for 11 s.
 */
const MOST_FIELDS = 128 * 1024;

/**
 * Fields of bytes are views of the message's memory.
 * @param field what an error calls the message.
 * @throws NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE for a message of too many fields.
 */
export function parseMessage<S extends DescMessage>(schema: S, bytes: Uint8Array, field: string): MessageShape<S> {
  try {
    if (bytes.byteLength > MOST_FIELDS) countFields(schema, new BinaryReader(bytes), bytes.byteLength, MOST_FIELDS);
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (thrown) {
    if (thrown instanceof TooManyFields) {
      const message = `The message may hold ${MOST_FIELDS} fields, those of its messages and elements of its lists among them; send tensors as bytes, or send it in parts`;
      throw new NestorError('PAYLOAD_TOO_LARGE', message, { field });
    }
    throw invalid(field, `The ${field} is no ${schema.typeName}: ${reasonOf(thrown).slice(0, 120)}`);
  }
}

class TooManyFields extends Error {}

/** A walk over the tags alone. @returns how many fields are left. @throws TooManyFields, and what the reader throws. */
function countFields(schema: DescMessage, reader: BinaryReader, end: number, most: number): number {
  const messages = new Map(schema.fields.map((field) => [field.number, field.message] as const));
  let left = most;
  while (reader.pos < end) {
    if (--left < 0) throw new TooManyFields();
    const [number, type] = reader.tag();
    const message = messages.get(number);
    if (type !== WireType.LengthDelimited || !message) reader.skip(type, number);
    else {
      const length = reader.uint32();
      left = countFields(message, reader, reader.pos + length, left);
    }
  }
  return left;
}
