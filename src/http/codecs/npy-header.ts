// The head of a .npy file, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
import { invalid } from '../../errors.js';
import type { Datatype } from '../../tensor.js';
import { checkShape } from '../../oip/raw-tensor.js';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** NumPy aligns the data to this, so that they can be mapped. */
const ALIGNMENT = 64;
/** No shape needs more; a forged length ends here. */
const LONGEST_HEAD = 4096;

const DESCRIPTIONS = {
  BOOL: '|b1',
  UINT8: '|u1',
  UINT16: '<u2',
  UINT32: '<u4',
  UINT64: '<u8',
  INT8: '|i1',
  INT16: '<i2',
  INT32: '<i4',
  INT64: '<i8',
  FP16: '<f2',
  FP32: '<f4',
  FP64: '<f8',
} as const satisfies Partial<Record<Datatype, string>>;

export type NpyDatatype = keyof typeof DESCRIPTIONS;

const DATATYPES = new Map(Object.entries(DESCRIPTIONS).map(([datatype, description]) => [description.slice(1), datatype as NpyDatatype]));

export function hasDescription(datatype: Datatype): datatype is NpyDatatype {
  return datatype !== 'BYTES';
}

export interface NpyHead {
  readonly datatype: NpyDatatype;
  readonly shape: readonly number[];
  /** Where the data begin. */
  readonly offset: number;
}

/** @throws NestorError INVALID_REQUEST */
export function readNpyHead(bytes: Buffer): NpyHead {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw invalid('body', 'The body is no .npy file: its magic bytes are missing');
  const major = bytes[6] ?? 0;
  const fixed = major === 1 ? 10 : 12;
  if (bytes.byteLength < fixed) throw invalid('body', 'The .npy file ends within its header');
  if (major < 1 || major > 3) throw invalid('body', `The .npy file has version ${major}; 1, 2 and 3 are known`);
  const length = major === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  const offset = fixed + length;
  if (length > LONGEST_HEAD || offset > bytes.byteLength) throw invalid('body', 'The .npy file ends within its header');
  const text = bytes.toString('latin1', fixed, offset);
  const description = /'descr'\s*:\s*'([^']{1,16})'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const sizes = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (description === undefined || order === undefined || sizes === undefined) {
    throw invalid('body', 'The header of the .npy file lacks descr, fortran_order or shape');
  }
  const numbers = sizes.split(',').map((size) => size.trim());
  const shape = checkShape(numbers.filter(Boolean).map(Number), 'shape');
  if (order === 'True' && shape.length > 1)
    throw invalid('fortran_order', 'The array is in Fortran order; send np.ascontiguousarray(array)');
  return { datatype: datatypeOf(description), shape, offset };
}

function datatypeOf(description: string): NpyDatatype {
  const datatype = DATATYPES.get(description.replace(/^[<|=]/, ''));
  if (datatype && !description.startsWith('>')) return datatype;
  const known = Object.values(DESCRIPTIONS).join(' ');
  throw invalid('descr', `Arrays of ${JSON.stringify(description)} are not supported; convert it with astype to one of ${known}`);
}

/** The bytes before the data. */
export function npyHead(datatype: NpyDatatype, shape: readonly number[]): Buffer {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${DESCRIPTIONS[datatype]}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((10 + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const head = Buffer.alloc(length, ' ');
  MAGIC.copy(head);
  head.set([1, 0], 6);
  head.writeUInt16LE(length - 10, 8);
  head.write(text, 10, 'latin1');
  head.write('\n', length - 1);
  return head;
}
