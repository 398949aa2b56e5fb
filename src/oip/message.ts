// Messages of Protobuf out of bytes that anybody may have sent, for both doors.
import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { invalid, NestorError, reasonOf } from '../errors.js';
import { checkSize, MOST_FIELDS, TooMuch } from './message-size.js';

/**
 * Fields of bytes are views of the message's memory.
 * @param field what an error calls the message.
 * @throws NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE for a message of too many fields or numbers.
 */
export function parseMessage<S extends DescMessage>(schema: S, bytes: Uint8Array, field: string): MessageShape<S> {
  try {
    if (bytes.byteLength > MOST_FIELDS) checkSize(schema, new BinaryReader(bytes));
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (thrown) {
    if (thrown instanceof TooMuch)
      throw new NestorError('PAYLOAD_TOO_LARGE', `The message may hold ${thrown.message}, or send it in parts`, { field });
    throw invalid(field, `The ${field} is no ${schema.typeName}: ${reasonOf(thrown).slice(0, 120)}`);
  }
}
