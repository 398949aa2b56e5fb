// What the cache keeps, as bytes: outputs of models, vectors of texts, token ids and decoded pictures.
import type { Level } from '../cache/level.js';
import { allocate, DATATYPES, elementCount, isDatatype, type Datatype, type Tensor } from '../tensor.js';

/** Outputs of one input: of each of its parts, a tensor an output. */
export type Parts = readonly (readonly Tensor[])[];

export interface Vector {
  readonly vector: Float32Array;
  /** Tokens that its text took. */
  readonly tokens: number;
}

interface Head {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Of BYTES, which have no other place. */
  readonly texts?: readonly string[];
}

/** Length of the head as JSON (4 bytes), the head, and the numbers of all tensors one after the other. */
export const outputs: Level<Parts> = {
  name: 'output',
  sizeOf: (parts) => parts.flat().reduce((sum, tensor) => sum + bytesIn(tensor), 0),
  encode: (parts) => {
    const heads = parts.map((tensors) => tensors.map(headOf));
    const blocks = parts.flat().flatMap(({ data }) => (Array.isArray(data) ? [] : [bytesOf(data)]));
    const head = Buffer.from(JSON.stringify(heads));
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(head.byteLength);
    return Buffer.concat([length, head, ...blocks]);
  },
  decode: (bytes) => {
    const buffer = bufferOf(bytes);
    const start = 4 + buffer.readUInt32LE(0);
    const heads = JSON.parse(buffer.toString('utf8', 4, start)) as Head[][];
    let offset = start;
    const parts = heads.map((tensors) =>
      tensors.map((head): Tensor => {
        const { name, datatype, shape, texts } = head;
        const size = sizeIn(head);
        if (size > bytes.byteLength - offset) throw new Error('a remembered tensor that is longer than its bytes');
        if (texts) return { name, datatype, shape, data: [...texts] };
        // A copy: whoever gets it may write to it, or hand its memory to another thread.
        const data = allocate(datatype, elementCount(shape)) as Float32Array;
        bytesOf(data).set(bytes.subarray(offset, offset + size));
        offset += size;
        return { name, datatype, shape, data };
      }),
    );
    if (offset !== bytes.byteLength) throw new Error('remembered tensors that are shorter than their bytes');
    return parts;
  },
};

/** The number of tokens (4 bytes) and the floats. */
export const embeddings: Level<Vector> = {
  name: 'embedding',
  sizeOf: ({ vector }) => vector.byteLength,
  encode: ({ vector, tokens }) => {
    const bytes = Buffer.allocUnsafeSlow(4 + vector.byteLength);
    bytes.writeUInt32LE(tokens);
    bytes.set(bytesOf(vector), 4);
    return bytes;
  },
  decode: (bytes) => ({ tokens: bufferOf(bytes).readUInt32LE(0), vector: numbers(Float32Array, bytes.subarray(4)) }),
};

export const tokens: Level<readonly number[]> = {
  name: 'tokens',
  sizeOf: ({ length }) => length * Int32Array.BYTES_PER_ELEMENT,
  encode: (ids) => bytesOf(Int32Array.from(ids)),
  decode: (bytes) => [...numbers(Int32Array, bytes)],
};

/** A picture as the one tensor that it became. */
export const pictures: Level<Tensor> = {
  name: 'picture',
  sizeOf: bytesIn,
  encode: (tensor) => outputs.encode([[tensor]]),
  decode: (bytes) => outputs.decode(bytes)?.[0]?.[0],
};

function bytesIn({ data }: Tensor): number {
  return Array.isArray(data) ? data.reduce((sum, text) => sum + text.length, 0) : data.byteLength;
}

/** Bytes behind the heads. @throws Error for a head that no tensor has: nothing is allocated for what it claims. */
function sizeIn({ name, datatype, shape, texts }: Head): number {
  const count = elementCount(shape);
  const sizes = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  const held = texts ? texts.length === count && texts.every((text) => typeof text === 'string') : datatype !== 'BYTES';
  if (typeof name !== 'string' || !isDatatype(datatype) || !sizes || !held || (texts && datatype !== 'BYTES'))
    throw new Error('a remembered tensor that is none');
  return count * DATATYPES[datatype].bytes;
}

function headOf({ name, datatype, shape, data }: Tensor): Head {
  return { name, datatype, shape, ...(Array.isArray(data) && { texts: data }) };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** A copy, aligned. */
function numbers<A>(type: new (buffer: ArrayBuffer) => A, bytes: Uint8Array): A {
  return new type(new Uint8Array(bytes).buffer);
}
