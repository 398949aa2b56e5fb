// Messages <-> bytes.
import { fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { invalid, reasonOf } from '../errors.js';

/**
 * Fields of bytes are views of the message's memory.
 * @throws NestorError INVALID_REQUEST
 */
export function parse<S extends DescMessage>(schema: S, bytes: Uint8Array): MessageShape<S> {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (thrown) {
    throw invalid('message', `The message is no ${schema.typeName}: ${reasonOf(thrown).slice(0, 120)}`);
  }
}

export function serialize<S extends DescMessage>(schema: S): (message: MessageShape<S>) => Buffer {
  return (message) => {
    const { buffer, byteOffset, byteLength } = toBinary(schema, message);
    return Buffer.from(buffer, byteOffset, byteLength);
  };
}

/** The message of a call, as that schema has it. */
export const Message = createParamDecorator((schema: DescMessage, context: ExecutionContext) =>
  parse(schema, context.getArgByIndex<Uint8Array>(0)),
);
