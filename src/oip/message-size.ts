// What a message of Protobuf would become, counted on its bytes before anything is made of them.
import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { WireType, type BinaryReader } from '@bufbuild/protobuf/wire';

/**
 * Fields of a message and of those in it; numbers that are packed are one. An object is made for each, in one turn of the event loop:
 * 32 MiB of empty tensors, two bytes each, held it for 11 s.
 */
export const MOST_FIELDS = 128 * 1024;

/**
 * Packed numbers of a message: as many floats as bodies have room for by default. An integer costs as much as eight: it may be a single byte
 * and becomes a BigInt where it has 64 bits, and 32 MiB of them were more than a heap holds.
 */
const MOST_PACKED = 8 * 1024 * 1024;
const COST_OF_INTEGER = 8;
/** Bytes. */
const LONGEST_INTEGER = 10;

/** Its message is for the client. */
export class TooMuch extends Error {}

/** A field as it must be on the wire. The library takes one of another type for its own, and goes on elsewhere than a walk that skips it. */
interface Part {
  readonly type: WireType;
  /** Of the message that it is, or of the entry of its map. */
  readonly inner?: Layout;
  /** A list of numbers may also be one block of bytes. */
  readonly packs: boolean;
}

type Layout = ReadonlyMap<number, Part>;

/** @throws TooMuch; Error for what is no such message. */
export function checkSize(schema: DescMessage, reader: BinaryReader): void {
  new Walk(reader).over(layoutOf(schema), reader.len);
}

/** Over the tags alone. */
class Walk {
  #fields = 0;
  #packed = 0;

  constructor(private readonly reader: BinaryReader) {}

  over(layout: Layout, end: number): void {
    while (this.reader.pos < end) {
      if (++this.#fields > MOST_FIELDS)
        throw new TooMuch(`${MOST_FIELDS} fields, those of its messages and elements of its lists among them; send tensors as bytes`);
      const [number, type] = this.reader.tag();
      this.#field(number, type, layout.get(number));
    }
  }

  #field(number: number, type: WireType, part: Part | undefined): void {
    // proto3 has none, and whoever skips one walks over all that is in it.
    if (type === WireType.StartGroup) throw new Error(`field ${number} is a group`);
    if (part?.packs && type === WireType.LengthDelimited) this.#numbers(number, part.type, this.reader.bytes());
    else if (part && type !== part.type) throw new Error(`field ${number} has wire type ${type}`);
    else if (part?.inner) this.over(part.inner, this.reader.uint32() + this.reader.pos);
    else this.reader.skip(type, number);
  }

  #numbers(number: number, type: WireType, bytes: Uint8Array): void {
    // The library reads the last one to its end, wherever the block ends.
    if (!endsWithNumber(bytes, type)) throw new Error(`field ${number} ends amid a number`);
    this.#packed += type === WireType.Varint ? COST_OF_INTEGER * varintsIn(bytes) : bytes.byteLength / widthOf(type);
    if (this.#packed > MOST_PACKED) {
      const most = `${MOST_PACKED / COST_OF_INTEGER} integers, or ${MOST_PACKED} floating-point numbers`;
      throw new TooMuch(`${most}, in its lists; send tensors as bytes (over gRPC: raw_input_contents)`);
    }
  }
}

function endsWithNumber(bytes: Uint8Array, type: WireType): boolean {
  return type === WireType.Varint ? (bytes.at(-1) ?? 0) < 0x80 : bytes.byteLength % widthOf(type) === 0;
}

function widthOf(type: WireType): number {
  return type === WireType.Bit64 ? 8 : 4;
}

/** The last byte of each is below 0x80, and no other. @returns as few as there can be where these are too many: 32 MiB took 0.3 s to count. */
function varintsIn(bytes: Uint8Array): number {
  const least = Math.ceil(bytes.byteLength / LONGEST_INTEGER);
  if (least * COST_OF_INTEGER > MOST_PACKED) return least;
  let count = 0;
  for (const byte of bytes) if (byte < 0x80) count += 1;
  return count;
}

const layouts = new WeakMap<DescMessage, Layout>();

function layoutOf(schema: DescMessage): Layout {
  const known = layouts.get(schema);
  if (known) return known;
  const layout = new Map<number, Part>();
  // Before its fields, which may be messages of its own kind.
  layouts.set(schema, layout);
  for (const field of schema.fields) layout.set(field.number, partOf(field));
  return layout;
}

function partOf(field: DescField): Part {
  const value = valueOf(field);
  if (field.fieldKind !== 'map') return value;
  // A map is a list of messages of key and value, 1 and 2: https://protobuf.dev/programming-guides/encoding/#maps
  const inner = new Map([
    [1, { type: typeOf(field.mapKey), packs: false }],
    [2, value],
  ]);
  return { type: WireType.LengthDelimited, inner, packs: false };
}

/** @param field whose elements are meant if it is a list, and whose values if it is a map. */
function valueOf({ message, scalar, fieldKind }: DescField): Part {
  if (message) return { type: WireType.LengthDelimited, inner: layoutOf(message), packs: false };
  // The number of an enum is one of 32 bits.
  const type = typeOf(scalar ?? ScalarType.INT32);
  return { type, packs: fieldKind === 'list' && type !== WireType.LengthDelimited };
}

/** Where it is no integer whose length is that of its value. */
const OTHER_TYPES = new Map([
  [ScalarType.STRING, WireType.LengthDelimited],
  [ScalarType.BYTES, WireType.LengthDelimited],
  [ScalarType.DOUBLE, WireType.Bit64],
  [ScalarType.FIXED64, WireType.Bit64],
  [ScalarType.SFIXED64, WireType.Bit64],
  [ScalarType.FLOAT, WireType.Bit32],
  [ScalarType.FIXED32, WireType.Bit32],
  [ScalarType.SFIXED32, WireType.Bit32],
]);

function typeOf(scalar: ScalarType): WireType {
  return OTHER_TYPES.get(scalar) ?? WireType.Varint;
}
