// Tensors <-> little-endian bytes in row-major order: a view where the memory is aligned, one copy where it is not.
import { invalid, NestorError } from '../errors.js';
import { DATATYPES, elementCount, isDatatype, type Datatype, type TensorData } from '../tensor.js';

const MAX_RANK = 16;
const LENGTH_BYTES = 4;
/** As many as typed contents may have: each becomes a text in one turn of the event loop. */
const MOST_TEXTS = 128 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws NestorError INVALID_REQUEST that names the field and the datatypes that there are. */
export function checkDatatype(value: unknown, field: string, expected: Datatype): Datatype {
  if (isDatatype(value)) return value;
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 32)) : typeof value;
  if (value === 'BF16') throw invalid(field, `BF16 cannot be served: ONNX Runtime's Node binding does not carry it; use ${expected}`);
  throw invalid(field, `${shown} is no datatype; use ${expected}`);
}

/** @throws NestorError INVALID_REQUEST unless it is a list of whole numbers, none negative. */
export function checkShape(shape: unknown, field: string): number[] {
  const sizes = Array.isArray(shape) ? shape.map((size: unknown) => (typeof size === 'bigint' ? Number(size) : size)) : undefined;
  const valid = sizes && sizes.length <= MAX_RANK && sizes.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
  if (!valid) throw invalid(field, `The shape must be an array of at most ${MAX_RANK} whole numbers, none negative`);
  return sizes as number[];
}

/**
 * The elements that the bytes hold. The array shares their memory where it can: nobody may write to either afterwards.
 * @throws NestorError INVALID_REQUEST when there are more or fewer than the shape says, or they are no such elements; PAYLOAD_TOO_LARGE for
 * too many texts.
 */
export function dataFromBytes(bytes: Uint8Array, datatype: Datatype, shape: readonly number[], field: string): TensorData {
  const count = elementCount(shape);
  if (datatype === 'BYTES') return strings(bytes, count, field);
  const size = DATATYPES[datatype].bytes;
  if (bytes.byteLength !== count * size) {
    const expected = `the shape [${shape.join(', ')}] of ${datatype} takes ${count * size}`;
    throw invalid(field, `There are ${bytes.byteLength} bytes; ${expected}`);
  }
  if (datatype === 'BOOL') checkFlags(bytes, field);
  const memory = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new DATATYPES[datatype].array(memory.buffer as ArrayBuffer, memory.byteOffset, count);
}

/** The bytes of the elements, as a view; strings are framed into new memory. */
export function bytesOf(data: TensorData): Uint8Array {
  if (!Array.isArray(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const lengths = data.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + LENGTH_BYTES + length, 0));
  let offset = 0;
  for (const [index, text] of data.entries()) {
    offset = bytes.writeUInt32LE(lengths[index] ?? 0, offset);
    offset += bytes.write(text, offset);
  }
  return bytes;
}

function checkFlags(bytes: Uint8Array, field: string): void {
  // A callback for each element took eight times as long.
  for (let index = 0; index < bytes.length; index++) {
    if ((bytes[index] ?? 0) > 1) throw invalid(field, `Element ${index} is no BOOL: ${bytes[index]}; a byte is 0 or 1`);
  }
}

/** Each element is its length as an unsigned 32-bit number, then its bytes. */
function strings(bytes: Uint8Array, count: number, field: string): string[] {
  if (count > bytes.byteLength / LENGTH_BYTES) throw invalid(field, `There are ${bytes.byteLength} bytes; ${count} elements take more`);
  if (count > MOST_TEXTS)
    throw new NestorError('PAYLOAD_TOO_LARGE', `There are ${count} elements; a tensor of BYTES may have ${MOST_TEXTS}`, { field });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: string[] = [];
  let offset = 0;
  for (let index = 0; index < count; index++) {
    const start = offset + LENGTH_BYTES;
    const end = start <= bytes.byteLength ? start + view.getUint32(offset, true) : Infinity;
    if (end > bytes.byteLength) throw invalid(field, `Element ${index} ends behind the last of ${bytes.byteLength} bytes`);
    texts.push(textOf(bytes.subarray(start, end), index, field));
    offset = end;
  }
  if (offset !== bytes.byteLength) throw invalid(field, `${bytes.byteLength - offset} bytes are left after ${count} elements`);
  return texts;
}

/**
 * One element of BYTES. ONNX Runtime's strings are text in Node: bytes that are no UTF-8 would not come through.
 * @throws NestorError INVALID_REQUEST
 */
export function textOf(bytes: Uint8Array, index: number, field: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid(field, `Element ${index} is not UTF-8; ONNX Runtime's Node binding carries text only`);
  }
}
