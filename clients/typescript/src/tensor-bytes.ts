// Tensors <-> what MsgPack carries: `{ shape, datatype, data }`, data as little-endian bytes, which is every machine's own order.
import type { DataOf, Datatype, Tensor, TensorInput } from './tensor.js';

type Numeric = Exclude<Datatype, 'BYTES'>;

interface Numbers<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): A;
}

const { Float16Array: float16 = Uint16Array } = globalThis as { Float16Array?: unknown };

const ARRAYS: { readonly [D in Numeric]: Numbers<DataOf[D]> } = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: float16 as Numbers<DataOf['FP16']>,
  FP32: Float32Array,
  FP64: Float64Array,
};

/** What an array without a datatype is, by its tag: `instanceof` fails for arrays of other realms, such as those of an iframe. */
const DATATYPES: Readonly<Record<string, Datatype>> = {
  Uint8Array: 'UINT8',
  Uint8ClampedArray: 'UINT8',
  Uint16Array: 'UINT16',
  Uint32Array: 'UINT32',
  BigUint64Array: 'UINT64',
  Int8Array: 'INT8',
  Int16Array: 'INT16',
  Int32Array: 'INT32',
  BigInt64Array: 'INT64',
  Float16Array: 'FP16',
  Float32Array: 'FP32',
  Float64Array: 'FP64',
};

export function writeTensor({ shape, data, datatype }: TensorInput): object {
  if (!ArrayBuffer.isView(data)) return { shape, data, datatype: datatype ?? 'BYTES' };
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { shape, data: bytes, datatype: datatype ?? DATATYPES[data[Symbol.toStringTag]] };
}

/**
 * A tensor of an answer, its elements a view of the bytes where they are aligned.
 * @throws Error that says what about it cannot be.
 */
export function readTensor(value: unknown): Tensor {
  const { datatype, shape, data } = (value ?? {}) as Record<string, unknown>;
  if (!isShape(shape)) throw new Error('it has no shape');
  if (!(data instanceof Uint8Array)) throw new Error('its data are no bytes');
  const count = shape.reduce((product, size) => product * size, 1);
  if (datatype === 'BYTES') return { datatype, shape, data: texts(data, count) };
  if (typeof datatype !== 'string' || !Object.hasOwn(ARRAYS, datatype)) throw new Error('it has no datatype that there is');
  return { datatype, shape, data: elements(data, datatype as Numeric, count) } as Tensor;
}

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** @throws Error unless the bytes are so many elements. */
export function elements<D extends Numeric>(bytes: Uint8Array, datatype: D, count: number): DataOf[D] {
  const array = ARRAYS[datatype];
  const size = array.BYTES_PER_ELEMENT;
  if (bytes.byteLength !== count * size) throw new Error(`${bytes.byteLength} bytes are not ${count} elements of ${datatype}`);
  const { buffer, byteOffset } = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new array(buffer as ArrayBuffer, byteOffset, count);
}

/** Each element is its length as an unsigned 32-bit number, then its bytes. */
function texts(bytes: Uint8Array, count: number): string[] {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: string[] = [];
  let offset = 0;
  while (offset < bytes.byteLength) {
    const start = offset + 4;
    offset = start + (start <= bytes.byteLength ? view.getUint32(offset, true) : 0);
    if (offset > bytes.byteLength) throw new Error(`element ${found.length} ends behind the last byte`);
    found.push(utf8.decode(bytes.subarray(start, offset)));
  }
  if (found.length !== count) throw new Error(`there are ${found.length} texts and not ${count}`);
  return found;
}
