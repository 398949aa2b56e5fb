// Large JSON bodies: arrays of numbers go straight into blocks, in turns of the event loop, and `JSON.parse` gets what is left.
// `JSON.parse` alone holds the loop for 40 ms with 16 MiB of floats, 824 with exact integers of 64 bits, 513 with empty arrays; this for
// 5, 20 and 2 (the last are refused).
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { NestorError } from '../../errors.js';
import { NumberReader } from './json-number.js';
import { NumberBlock } from './number-block.js';

/** Bytes between two turns of the event loop: half a millisecond to three of work. */
const BYTES_A_TURN = 128 * 1024;
/** Fewer numbers are left to `JSON.parse`. */
const SMALLEST_BLOCK = 64;
const MAX_RANK = 16;
/** What may be left beside numbers and texts: `JSON.parse` makes a value of every few bytes of it, in one go (2 MiB of empty arrays: 37 ms). */
const MOST_LEFT_BYTES = 2 * 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COMMA = 0x2c;

export interface Scanned {
  /** JSON with a text in the place of every block. */
  readonly text: Buffer;
  /** Puts the blocks back into what was parsed. */
  readonly restore: (value: unknown) => unknown;
}

/**
 * @param single see NumberReader
 * @param exact see NumberReader
 * @throws NestorError PAYLOAD_TOO_LARGE for JSON that is neither numbers nor long texts.
 */
export async function scanJson(bytes: Buffer, single: boolean, exact: boolean): Promise<Scanned> {
  const scanner = new Scanner(bytes, single, exact);
  while (scanner.advance()) await setImmediate();
  return scanner.finish();
}

/** Most arrays of a body without numbers are given up at once: millions of them must not take memory. */
const NONE = new Float64Array(0);

/** An array of numbers that is being read. */
class Nest {
  values: Float64Array | (number | bigint)[] = NONE;
  count = 0;
  /** Elements so far of the arrays that are open, outermost first. */
  readonly open: number[] = [];
  /** Where they begin. */
  readonly starts: number[] = [];
  /** Sizes of arrays that were closed, by depth. */
  readonly shape: number[] = [];

  constructor(readonly start: number) {}

  add(value: number | bigint): void {
    if (typeof value === 'bigint' && this.values instanceof Float64Array) this.values = Array.from(this.values.subarray(0, this.count));
    if (this.values instanceof Float64Array) {
      if (this.count === this.values.length) {
        const larger = new Float64Array(Math.max(SMALLEST_BLOCK, this.count * 2));
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

class Scanner {
  #at = 0;
  /** Where this turn of the event loop ends. */
  #until = 0;
  /** What is before it is in the pieces. */
  #kept = 0;
  #textBytes = 0;
  #blockBytes = 0;
  #inText = false;
  #nest: Nest | undefined;
  /** Arrays of what was given up last that were open then: what does not belong into it does not belong into them. */
  #hopeless: readonly number[] = [];
  readonly #blocks = new Map<string, NumberBlock>();
  readonly #pieces: Buffer[] = [];
  readonly #mark = randomUUID();
  readonly #numbers: NumberReader;

  constructor(
    private readonly bytes: Buffer,
    single: boolean,
    exact: boolean,
  ) {
    this.#numbers = new NumberReader(bytes, single, exact);
  }

  /** Does the work of one turn. @returns whether there is more. */
  advance(): boolean {
    this.#until = this.#at + BYTES_A_TURN;
    const { bytes } = this;
    while (this.#at < this.#until && this.#at < bytes.length) {
      if (this.#nest) this.#number(this.#nest);
      else {
        const byte = bytes[this.#at];
        if (this.#inText) this.#skipText();
        else if (byte === QUOTE) this.#inText = true;
        else if (byte === OPEN && !this.#hopeless.includes(this.#at)) this.#nest = new Nest(this.#at);
        else this.#at++;
      }
      if (this.#at - this.#textBytes - this.#blockBytes > MOST_LEFT_BYTES + BYTES_A_TURN && !this.#nest) throw tooMuch();
    }
    return this.#at < bytes.length;
  }

  finish(): Scanned {
    this.#pieces.push(this.bytes.subarray(this.#kept));
    if (this.bytes.length - this.#textBytes - this.#blockBytes > MOST_LEFT_BYTES) throw tooMuch();
    return { text: Buffer.concat(this.#pieces), restore: (value) => (this.#blocks.size === 0 ? value : this.#restore(value)) };
  }

  /** From an opening quote, or an escaped one, to the closing one. */
  #skipText(): void {
    const { bytes } = this;
    const start = this.#at;
    while (this.#inText && this.#at < this.#until) {
      const found = bytes.indexOf(QUOTE, this.#at + 1);
      this.#at = found < 0 ? bytes.length : found;
      let escapes = 0;
      while (bytes[this.#at - 1 - escapes] === BACKSLASH) escapes++;
      this.#inText = escapes % 2 === 1;
    }
    this.#textBytes += this.#at - start;
    if (!this.#inText) this.#at++;
  }

  /** Reads on in an array of numbers; gives it up at anything that does not belong into one. */
  #number(nest: Nest): void {
    const { bytes } = this;
    const numbers = this.#numbers;
    const { open, starts, shape } = nest;
    let at = this.#at;
    while (at < this.#until) {
      at = this.#behindSpace(at);
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
      at = this.#behindSpace(numbers.end);
      while (bytes[at] === CLOSE) {
        const depth = open.length - 1;
        const size = open.pop() ?? 0;
        starts.pop();
        if (shape.length === 0) shape.length = depth + 1;
        if ((shape[depth] ??= size) !== size) {
          this.#giveUp(nest, at);
          return;
        }
        at = this.#behindSpace(at + 1);
        if (depth === 0) {
          this.#lift(nest, at);
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

  #behindSpace(from: number): number {
    let at = from;
    for (let byte = this.bytes[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = this.bytes[at]) at++;
    return at;
  }

  /** What was read in vain is read again, and the turn ends no later for it. */
  #giveUp({ start, starts }: Nest, at: number): void {
    this.#nest = undefined;
    this.#hopeless = starts;
    this.#at = start + 1;
    this.#until -= at - this.#at;
  }

  #lift(nest: Nest, end: number): void {
    this.#nest = undefined;
    this.#at = end;
    if (nest.count < SMALLEST_BLOCK) return;
    const name = `${this.#mark}:${this.#blocks.size}`;
    this.#blocks.set(name, nest.block);
    this.#pieces.push(this.bytes.subarray(this.#kept, nest.start), Buffer.from(JSON.stringify(name)));
    this.#kept = end;
    this.#blockBytes += end - nest.start;
  }

  #restore(value: unknown): unknown {
    if (typeof value === 'string') return this.#blocks.get(value) ?? value;
    if (typeof value !== 'object' || value === null) return value;
    const members = value as Record<string | number, unknown>;
    const keys: Iterable<string | number> = Array.isArray(value) ? value.keys() : Object.keys(value);
    for (const key of keys) {
      const restored = this.#restore(members[key]);
      if (restored !== members[key]) members[key] = restored;
    }
    return value;
  }
}

function tooMuch(): NestorError {
  const message = `JSON of this size may hold ${MOST_LEFT_BYTES} bytes beside arrays of numbers and texts; send MsgPack, Protobuf, .npy or octet-stream, or send it in parts`;
  return new NestorError('PAYLOAD_TOO_LARGE', message, { field: 'body' });
}
