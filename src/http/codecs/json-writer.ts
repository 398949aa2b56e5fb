// Large JSON answers: numbers are written as bytes, in turns of the event loop, and `JSON.stringify` writes what is around them.
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { elementCount, type Tensor } from '../../tensor.js';
import { checkFinite, nest, valuesToJson } from './json-tensors.js';
import { LONGEST_FLOAT, writeFloat } from './json-float.js';

/** Answers with fewer values are written by `JSON.stringify`, in one go. */
const FEW = 1024;
/** Shorter rows are not worth the detour. */
const SHORT_ROW = 16;
/** Bytes, and about the numbers, that are written in one turn of the event loop: half a millisecond of work. */
const PIECE_BYTES = 128 * 1024;
const NUMBERS_A_LOOK = 1024;

interface Block {
  readonly tensor: Tensor;
  readonly shape: readonly number[];
}

export class JsonWriter {
  readonly #blocks: Block[] = [];
  readonly #few: boolean;
  /** Nothing that a client sends can be this; made for the first block. */
  #mark = '';

  constructor(outputs: readonly Tensor[]) {
    this.#few = outputs.reduce((sum, { data }) => sum + data.length, 0) < FEW;
  }

  /**
   * What stands in a document for the values of a tensor.
   * @param shape how they are nested; flat by default.
   * @throws NestorError NOT_ACCEPTABLE for values that JSON cannot carry.
   */
  values(tensor: Tensor, shape: readonly number[] = [tensor.data.length]): unknown {
    const { data, name, datatype } = tensor;
    const signed = holdsNegativeZero(tensor);
    if (!signed && (this.#few || data.length < SHORT_ROW || Array.isArray(data))) return nest(valuesToJson(data, name, datatype), shape);
    if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Float16Array) checkFinite(data, name);
    this.#mark ||= `${randomUUID()}:`;
    return this.#mark + String(this.#blocks.push({ tensor, shape }) - 1);
  }

  body(document: object): string | Readable {
    if (this.#few || this.#blocks.length === 0) return this.text(document);
    return Readable.from(inTurns(this.#pieces(document)), { objectMode: false });
  }

  /** In one go. */
  text(document: object): string {
    return this.#blocks.length === 0 ? JSON.stringify(document) : Array.from(this.#pieces(document), String).join('');
  }

  *#pieces(document: object): Generator<Buffer> {
    const [start = '', ...others] = JSON.stringify(document).split(`"${this.#mark}`);
    const output = new Output();
    output.text(start);
    for (const other of others) {
      const end = other.indexOf('"');
      const block = this.#blocks[Number(other.slice(0, end))];
      if (block) yield* written(block, output);
      output.text(other.slice(end + 1));
    }
    yield output.take();
  }
}

async function* inTurns(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    yield piece;
    await setImmediate();
  }
}

/** JSON has a zero with a sign, and `JSON.stringify` loses it. */
function holdsNegativeZero({ data }: Tensor): boolean {
  if (!(data instanceof Float32Array || data instanceof Float64Array || data instanceof Float16Array)) return false;
  return data.some((value: number) => value === 0 && Object.is(value, -0));
}

/** Whole pieces; the rest stays in the output. */
function* written({ tensor: { data, datatype }, shape }: Block, output: Output): Generator<Buffer> {
  const inner = shape.at(-1) ?? 1;
  /** Elements of an array at each depth. */
  const widths = shape.map((_, axis) => elementCount(shape.slice(axis)));
  const write = writerOf(datatype, output);
  for (let from = 0; from < data.length; from += NUMBERS_A_LOOK) {
    const to = Math.min(data.length, from + NUMBERS_A_LOOK);
    output.reserve((to - from) * (LONGEST_FLOAT + 1 + 2 * shape.length));
    for (let index = from; index < to; index++) {
      if (index > 0) output.byte(COMMA);
      if (index % inner === 0) for (const width of widths) if (index % width === 0) output.byte(OPEN);
      write(data[index] as number);
      if ((index + 1) % inner === 0) for (const width of widths) if ((index + 1) % width === 0) output.byte(CLOSE);
    }
    if (output.size >= PIECE_BYTES) yield output.take();
  }
}

function writerOf(datatype: Tensor['datatype'], output: Output): (value: number) => void {
  if (datatype === 'FP32') return output.float.bind(output);
  const text = datatype === 'BOOL' ? (value: number) => (value === 0 ? 'false' : 'true') : digitsOf;
  return (value) => {
    output.ascii(text(value));
  };
}

/** Of any number but a float32. */
function digitsOf(value: number): string {
  return Object.is(value, -0) ? '-0.0' : String(value);
}

const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/** Bytes that grow. */
class Output {
  #bytes = Buffer.allocUnsafeSlow(2 * PIECE_BYTES);
  size = 0;

  reserve(size: number): void {
    if (this.size + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.size + size));
    this.#bytes.copy(larger, 0, 0, this.size);
    this.#bytes = larger;
  }

  byte(value: number): void {
    this.#bytes[this.size++] = value;
  }

  float(value: number): void {
    this.size = writeFloat(this.#bytes, this.size, value);
  }

  /** Room for it is reserved already. */
  ascii(text: string): void {
    for (let index = 0; index < text.length; index++) this.#bytes[this.size++] = text.charCodeAt(index);
  }

  text(text: string): void {
    this.reserve(text.length * 3);
    this.size += this.#bytes.write(text, this.size);
  }

  take(): Buffer {
    const piece = this.#bytes.subarray(0, this.size);
    this.#bytes = Buffer.allocUnsafeSlow(2 * PIECE_BYTES);
    this.size = 0;
    return piece;
  }
}
