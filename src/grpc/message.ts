// Messages <-> bytes.
import { ScalarType, toBinary, type DescField, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Metadata } from '@grpc/grpc-js';
import { parseMessage } from '../oip/message.js';
import { requireNamed } from './guarded-call.js';

/** As `toBinary`, except that blocks of bytes are pieces of their own, uncopied. */
export function inPieces<S extends DescMessage>(schema: S): (message: MessageShape<S>) => Uint8Array[] {
  const blocks = schema.fields.filter(isBlocks);
  const none = Object.fromEntries(blocks.map(({ localName }) => [localName, []]));
  return (message) => {
    const fields = message as unknown as Readonly<Record<string, readonly Uint8Array[]>>;
    const parts = blocks.flatMap(({ localName, number }) => (fields[localName] ?? []).flatMap((bytes) => [prefix(number, bytes), bytes]));
    return [toBinary(schema, { ...message, ...none }), ...parts];
  };
}

/** The pieces joined, in memory that is not zeroed first: half the time of `toBinary` or less. */
export function serialize<S extends DescMessage>(schema: S): (message: MessageShape<S>) => Buffer {
  const pieces = inPieces(schema);
  return (message) => Buffer.concat(pieces(message));
}

function isBlocks(field: DescField): boolean {
  return field.fieldKind === 'list' && field.listKind === 'scalar' && field.scalar === ScalarType.BYTES;
}

function prefix(number: number, { byteLength }: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(byteLength).finish();
}

/** The message of a call, as that schema has it. @throws Denial where it names a model that the caller may not use. */
export const Message = createParamDecorator((schema: DescMessage, context: ExecutionContext) => {
  const message = parseMessage(schema, context.getArgByIndex<Uint8Array>(0), 'message');
  requireNamed(context.getArgByIndex<Metadata>(1), message);
  return message;
});
