// Large JSON bodies in turns of the event loop: numbers go straight into blocks, long texts and long arrays of anything are parsed in parts.
// `JSON.parse` gets the rest. Alone it holds the loop for 40 ms with 16 MiB of floats, 824 with exact integers of
// 64 bits, 513 with empty arrays, 52 with objects of a short text; this for 5, 20, 2 (empty arrays are refused) and 12.
import { setImmediate } from 'node:timers/promises';
import { NestorError } from '../../errors.js';
import { DEEPEST, tooDeep } from './json-depth.js';
import { NumberReader } from './json-number.js';
import { Elements, JsonParts, type Parse, type Place } from './json-parts.js';
import { behindSpace, SHORTEST_RUN, TextRun } from './json-text-run.js';
import { NumberBlock } from './number-block.js';

/** Bytes between two turns of the event loop: a quarter of a millisecond to two of work. V8 takes longer for texts of 128 KiB and more. */
const BYTES_A_TURN = 64 * 1024;
/** Fewer numbers are left to `JSON.parse`. */
const SMALLEST_BLOCK = 64;
const MAX_RANK = 16;
/** What may be left beside numbers and texts: `JSON.parse` makes a value of every few bytes of it, in one go (2 MiB of empty arrays: 37 ms). */
const MOST_LEFT_BYTES = 2 * 1024 * 1024;
/** What may be left of an object with many short texts: 10 ms. */
const MOST_AT_ONCE_BYTES = 4 * 1024 * 1024;
/** Names of properties that differ: V8 takes a microsecond for each, and for 200,000 of them half a second. */
const MOST_NAMES = 4096;

const QUOTE = 0x22;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COLON = 0x3a;
const COMMA = 0x2c;

export interface Reading {
  /** See NumberReader. */
  readonly single: boolean;
  /** See NumberReader. */
  readonly exact: boolean;
  /** Whether arrays of numbers become blocks, or are left where they are. */
  readonly blocks: boolean;
}

/**
 * @param parse of a part of the body.
 * @param turnBytes what is read between two turns of the event loop.
 * @returns what `JSON.parse` would, with NumberBlocks for arrays of numbers.
 * @throws NestorError PAYLOAD_TOO_LARGE for JSON that is neither numbers nor texts, INVALID_REQUEST for what is nested too deep and for what is
 * no JSON.
 */
export async function scanJson(bytes: Buffer, reading: Reading, parse: Parse, turnBytes = BYTES_A_TURN): Promise<unknown> {
  const scanner = new Scanner(bytes, reading, parse, turnBytes);
  while (scanner.advance()) await setImmediate();
  return scanner.finish();
}

/** An array of numbers that is being read. */
class Nest {
  values: Float64Array | (number | bigint)[];
  count = 0;
  /** Elements so far of the arrays that are open, outermost first. */
  readonly open: number[] = [];
  /** Where they begin. */
  readonly starts: number[] = [];
  /** Sizes of arrays that were closed, by depth. */
  readonly shape: number[] = [];

  /** @param short for what is in no block: memory of its own takes half a microsecond, and there may be millions of short arrays. */
  constructor(
    readonly start: number,
    short: Float64Array,
  ) {
    this.values = short;
  }

  add(value: number | bigint): void {
    if (typeof value === 'bigint' && this.values instanceof Float64Array) this.values = Array.from(this.values.subarray(0, this.count));
    if (this.values instanceof Float64Array) {
      if (this.count === this.values.length) {
        const larger = new Float64Array(this.count * 2 + 2);
        larger.set(this.values);
        this.values = larger;
      }
      this.values[this.count++] = value as number;
    } else {
      this.values[this.count++] = value;
    }
  }

  get block(): NumberBlock {
    return new NumberBlock(this.shape, this.values instanceof Float64Array ? this.values.subarray(0, this.count) : this.values);
  }
}

interface Open {
  readonly bracket: number;
  /** The first of its elements that is not parsed. */
  from: Place;
}

class Scanner {
  #at = 0;
  /** Where this turn of the event loop ends. */
  #until = 0;
  /** Of what is not counted as left: numbers and texts. */
  #apartBytes = 0;
  #nest: Nest | undefined;
  #run: TextRun | undefined;
  /** The brackets that are open, but those of the nest. */
  readonly #open: Open[] = [];
  /** Arrays of what was given up last that were open then: what does not belong into it does not belong into them. */
  #hopeless: readonly number[] = [];
  readonly #names = new Set<string>();
  readonly #short = new Float64Array(SMALLEST_BLOCK - 1);
  readonly #numbers: NumberReader;
  readonly #parts: JsonParts;

  constructor(
    private readonly bytes: Buffer,
    private readonly reading: Reading,
    parse: Parse,
    private readonly turnBytes: number,
  ) {
    this.#parts = new JsonParts(bytes, (json, from) => {
      if (json.byteLength > MOST_AT_ONCE_BYTES) throw tooMuchAtOnce(reading);
      return parse(json, from);
    });
    this.#numbers = new NumberReader(bytes, reading.single, reading.exact);
  }

  /** Does the work of one turn. @returns whether there is more. */
  advance(): boolean {
    this.#until = this.#at + this.turnBytes;
    const { bytes } = this;
    while (this.#at < this.#until && this.#at < bytes.length) {
      if (this.#nest) this.#number(this.#nest);
      else if (this.#run) this.#text(this.#run);
      else this.#between(bytes[this.#at]);
      const apart = this.#apartBytes + (this.#run?.textBytes ?? 0);
      if (this.#at - apart > MOST_LEFT_BYTES + this.turnBytes && !this.#nest) throw tooMuch();
    }
    return this.#at < bytes.length;
  }

  finish(): unknown {
    if (this.bytes.length - this.#apartBytes > MOST_LEFT_BYTES) throw tooMuch();
    return this.#parts.finish();
  }

  /** What is neither an array of numbers nor a text; where one begins, it is read next. */
  #between(byte: number | undefined): void {
    if (byte === QUOTE) {
      this.#run = new TextRun(this.bytes, this.#at, this.#open.at(-1)?.bracket === OPEN);
    } else if (byte === OPEN && !this.#hopeless.includes(this.#at)) {
      this.#nest = new Nest(this.#at, this.#short);
    } else {
      if (byte === OPEN || byte === OPEN_OBJECT) this.#descend(byte, this.#at);
      else if (byte === CLOSE || byte === CLOSE_OBJECT) this.#ascend();
      else if (byte === COMMA) this.#parseElements(this.turnBytes);
      this.#at++;
    }
  }

  #descend(bracket: number, at: number): void {
    this.#open.push({ bracket, from: this.#parts.placeOf(at + 1) });
    if (this.#open.length > DEEPEST) throw tooDeep();
  }

  /** What closes another bracket than is open stays where it is, for `JSON.parse` to refuse. */
  #ascend(): void {
    this.#parseElements(Math.min(SHORTEST_RUN, this.turnBytes));
    this.#open.pop();
  }

  /** Parses what was read of the array that is open since the last time, where it is as long as this. */
  #parseElements(leastBytes: number): void {
    const array = this.#open.at(-1);
    if (array?.bracket !== OPEN || this.#at - array.from.at < leastBytes) return;
    this.#parts.parseElements(array.from, this.#at);
    array.from = this.#parts.placeOf(this.#at + 1);
  }

  /** Reads on in a run of texts. Names of properties stay where they are, and long ones are counted as left. */
  #text(run: TextRun): void {
    const ended = run.read(this.#until);
    this.#at = run.end;
    if (!ended) return;
    this.#run = undefined;
    const isName = !run.inArray && this.bytes[behindSpace(this.bytes, run.end)] === COLON;
    if (isName) this.#name(run);
    if (isName && run.long) return;
    this.#apartBytes += run.textBytes;
    if (run.long) this.#parts.putAside(run.start, run.end, run.inArray ? new Elements(run.texts) : (run.texts[0] ?? ''));
  }

  #name({ start, end }: TextRun): void {
    this.#names.add(this.bytes.toString('latin1', start, end));
    if (this.#names.size > MOST_NAMES) throw tooMuch(`${MOST_NAMES} names of properties`);
  }

  /** Reads on in an array of numbers; gives it up at anything that does not belong into one. */
  #number(nest: Nest): void {
    const { bytes } = this;
    const numbers = this.#numbers;
    const { open, starts, shape } = nest;
    let at = this.#at;
    while (at < this.#until) {
      at = behindSpace(bytes, at);
      // Before one of them is closed nobody knows how deep they are, but what has numbers has no arrays.
      const deeper = shape.length > 0 ? open.length < shape.length : open.length < MAX_RANK && nest.count === 0;
      if (bytes[at] === OPEN && deeper) {
        open.push(0);
        starts.push(at++);
        continue;
      }
      // Numbers lie at one depth only.
      if (shape.length > 0 && open.length !== shape.length) {
        this.#giveUp(nest, at);
        return;
      }
      const value = numbers.read(at);
      if (value === undefined) {
        this.#giveUp(nest, at);
        return;
      }
      nest.add(value);
      open[open.length - 1] = (open.at(-1) ?? 0) + 1;
      at = behindSpace(bytes, numbers.end);
      while (bytes[at] === CLOSE) {
        const depth = open.length - 1;
        const size = open.pop() ?? 0;
        starts.pop();
        if (shape.length === 0) shape.length = depth + 1;
        if ((shape[depth] ??= size) !== size) {
          this.#giveUp(nest, at);
          return;
        }
        at = behindSpace(bytes, at + 1);
        if (depth === 0) {
          this.#close(nest, at);
          return;
        }
        open[depth - 1] = (open[depth - 1] ?? 0) + 1;
      }
      if (bytes[at] !== COMMA) {
        this.#giveUp(nest, at);
        return;
      }
      at++;
    }
    this.#at = at;
  }

  /** What was read in vain is read again, and the turn ends no later for it. */
  #giveUp({ start, starts }: Nest, at: number): void {
    this.#nest = undefined;
    this.#hopeless = starts;
    this.#descend(OPEN, start);
    this.#at = start + 1;
    this.#until -= at - this.#at;
  }

  #close(nest: Nest, end: number): void {
    if (this.#open.length + nest.shape.length > DEEPEST) throw tooDeep();
    this.#nest = undefined;
    this.#at = end;
    if (nest.count < SMALLEST_BLOCK) return;
    this.#apartBytes += end - nest.start;
    if (this.reading.blocks) this.#parts.putAside(nest.start, end, nest.block);
  }
}

/** Where arrays of numbers stay where they are they are too much as well, and no other format is read. */
function tooMuchAtOnce({ blocks }: Reading): NestorError {
  if (blocks) return tooMuch(`${MOST_AT_ONCE_BYTES} bytes of short texts in one object`);
  const message = `JSON may hold ${MOST_AT_ONCE_BYTES} bytes of numbers, or of short texts in one object, here; send it in parts`;
  return new NestorError('PAYLOAD_TOO_LARGE', message, { field: 'body' });
}

/** @param most what it may have. */
export function tooMuch(most = `${MOST_LEFT_BYTES} bytes beside arrays of numbers and texts`): NestorError {
  const message = `JSON of this size may hold ${most}; send MsgPack, Protobuf, .npy or octet-stream, or send it in parts`;
  return new NestorError('PAYLOAD_TOO_LARGE', message, { field: 'body' });
}
