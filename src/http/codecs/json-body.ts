// Bodies of JSON: texts, and between them numbers by the thousand, which are written as bytes; large ones in turns of the event loop.
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { elementCount, type Tensor } from '../../tensor.js';
import { LONGEST_FLOAT, writeFloat } from './json-float.js';

/** Numbers in row-major order, nested as their shape says. */
export type Numbers = Pick<Tensor, 'datatype' | 'shape' | 'data'>;

/** What a body is put together from: JSON as it is, or numbers. */
export type Part = string | Numbers;

/** Characters that are written in one turn of the event loop: a millisecond of work. */
const PIECE = 128 * 1024;
/** Numbers that are written at once. */
const SOME = 1024;
const MOST_AXES = 16;
/** Empty between two uses, which are never two at a time. */
const scratch = Buffer.allocUnsafeSlow(SOME * (LONGEST_FLOAT + 1 + 2 * MOST_AXES));

const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/** A text where it is made in one turn. */
export function jsonBody(parts: Iterable<Part>): string | Readable {
  const pieces = piecesOf(parts);
  const first = pieces.next();
  return first.done ? first.value : Readable.from(inTurns(first, pieces), { objectMode: false });
}

/** In one go, however large it is. */
export function jsonText(parts: Iterable<Part>): string {
  const pieces = piecesOf(parts);
  let text = '';
  for (let piece = pieces.next(); ; piece = pieces.next()) {
    text += piece.value;
    if (piece.done) return text;
  }
}

export function vectorOf(data: Float32Array): Numbers {
  return { datatype: 'FP32', shape: [data.length], data };
}

async function* inTurns(first: IteratorResult<string, string>, pieces: Iterator<string, string>): AsyncGenerator<Buffer> {
  for (let piece = first; ; piece = pieces.next()) {
    yield Buffer.from(piece.value);
    if (piece.done) return;
    await setImmediate();
  }
}

/** @returns the last piece. */
function* piecesOf(parts: Iterable<Part>): Generator<string, string, void> {
  let text = '';
  for (const part of parts) {
    for (const some of typeof part === 'string' ? [part] : written(part)) {
      text += some;
      if (text.length < PIECE) continue;
      yield text;
      text = '';
    }
  }
  return text;
}

function* written({ datatype, shape, data }: Numbers): Generator<string> {
  const inner = shape.at(-1) ?? 1;
  /** Elements of an array at each depth. */
  const widths = shape.map((_, axis) => elementCount(shape.slice(axis)));
  const write = datatype === 'FP32' ? writeFloat : datatype === 'BOOL' ? writeBoolean : writeNumber;
  for (let from = 0; from < data.length; from += SOME) {
    const to = Math.min(data.length, from + SOME);
    let at = 0;
    for (let index = from; index < to; index++) {
      if (index > 0) scratch[at++] = COMMA;
      if (index % inner === 0) for (const width of widths) if (index % width === 0) scratch[at++] = OPEN;
      at = write(scratch, at, data[index] as number);
      if ((index + 1) % inner === 0) for (const width of widths) if ((index + 1) % width === 0) scratch[at++] = CLOSE;
    }
    yield scratch.toString('latin1', 0, at);
  }
}

function writeBoolean(bytes: Buffer, offset: number, value: number): number {
  return ascii(bytes, offset, value === 0 ? 'false' : 'true');
}

/** Of any datatype but FP32; what is not finite is null, as `JSON.stringify` has it. */
function writeNumber(bytes: Buffer, offset: number, value: number | bigint): number {
  if (typeof value === 'number' && !Number.isFinite(value)) return ascii(bytes, offset, 'null');
  return ascii(bytes, offset, Object.is(value, -0) ? '-0.0' : String(value));
}

function ascii(bytes: Buffer, offset: number, text: string): number {
  for (let index = 0; index < text.length; index++) bytes[offset + index] = text.charCodeAt(index);
  return offset + text.length;
}
