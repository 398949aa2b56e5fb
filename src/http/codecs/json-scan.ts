// Large JSON bodies in turns of the event loop: arrays of numbers go straight into blocks, long texts are parsed, `JSON.parse` gets the rest.
// `JSON.parse` alone holds the loop for 40 ms with 16 MiB of floats, 824 with exact integers of 64 bits, 513 with empty arrays;
// this for 5, 20 and 2 (the last are refused).
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { NestorError } from '../../errors.js';
import { DEEPEST, tooDeep } from './json-depth.js';
import { NumberReader } from './json-number.js';
import { behindSpace, TextRun } from './json-text-run.js';
import { NumberBlock } from './number-block.js';

/** Bytes between two turns of the event loop: a quarter of a millisecond to two of work. V8 takes longer for texts of 128 KiB and more. */
const BYTES_A_TURN = 64 * 1024;
/** Fewer numbers are left to `JSON.parse`. */
const SMALLEST_BLOCK = 64;
const MAX_RANK = 16;
/** What may be left beside numbers and texts: `JSON.parse` makes a value of every few bytes of it, in one go (2 MiB of empty arrays: 37 ms). */
const MOST_LEFT_BYTES = 2 * 1024 * 1024;
/** Names of properties that differ: V8 takes a microsecond for each, and for 200,000 of them half a second. */
const MOST_NAMES = 4096;

const QUOTE = 0x22;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COLON = 0x3a;
const COMMA = 0x2c;

export interface Scanned {
  /** JSON with a name in the place of every block and run of texts. */
  readonly text: Buffer;
  /** Puts them back into what was parsed. */
  readonly restore: (value: unknown) => unknown;
}

export interface Reading {
  /** See NumberReader. */
  readonly single: boolean;
  /** See NumberReader. */
  readonly exact: boolean;
  /** Whether arrays of numbers become blocks, or are left where they are. */
  readonly blocks: boolean;
}

/**
 * @param turnBytes what is read between two turns of the event loop.
 * @throws NestorError PAYLOAD_TOO_LARGE for JSON that is neither numbers nor texts, INVALID_REQUEST for what is nested too deep and for texts
 * that are none.
 */
export async function scanJson(bytes: Buffer, reading: Reading, turnBytes = BYTES_A_TURN): Promise<Scanned> {
  const scanner = new Scanner(bytes, reading, turnBytes);
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
  /** Of what is not counted as left: numbers and texts. */
  #apartBytes = 0;
  #nest: Nest | undefined;
  #run: TextRun | undefined;
  /** The brackets that are open, but those of the nest. */
  readonly #open: number[] = [];
  /** Arrays of what was given up last that were open then: what does not belong into it does not belong into them. */
  #hopeless: readonly number[] = [];
  readonly #names = new Set<string>();
  readonly #lifted: (NumberBlock | TextRun | string)[] = [];
  readonly #pieces: Buffer[] = [];
  /** What a name begins with, and no text of a body that was written before. */
  readonly #mark = `${randomUUID()}:`;
  readonly #numbers: NumberReader;

  constructor(
    private readonly bytes: Buffer,
    private readonly reading: Reading,
    private readonly turnBytes: number,
  ) {
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

  finish(): Scanned {
    if (this.bytes.length - this.#apartBytes > MOST_LEFT_BYTES) throw tooMuch();
    if (this.#lifted.length === 0) return { text: this.bytes, restore: (value) => value };
    this.#pieces.push(this.bytes.subarray(this.#kept));
    return { text: Buffer.concat(this.#pieces), restore: (value) => this.#restore(value) };
  }

  /** What is neither an array of numbers nor a text; where one begins, it is read next. */
  #between(byte: number | undefined): void {
    if (byte === QUOTE) {
      this.#run = new TextRun(this.bytes, this.#at, this.#open.at(-1) === OPEN);
    } else if (byte === OPEN && !this.#hopeless.includes(this.#at)) {
      this.#nest = new Nest(this.#at);
    } else {
      if (byte === OPEN || byte === OPEN_OBJECT) this.#descend(byte);
      else if (byte === CLOSE || byte === CLOSE_OBJECT) this.#open.pop();
      this.#at++;
    }
  }

  #descend(bracket: number): void {
    this.#open.push(bracket);
    if (this.#open.length > DEEPEST) throw tooDeep();
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
    if (run.long) this.#lift(run.start, run.end, run.inArray ? run : (run.texts[0] ?? ''));
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
    this.#descend(OPEN);
    this.#at = start + 1;
    this.#until -= at - this.#at;
  }

  #close(nest: Nest, end: number): void {
    if (this.#open.length + nest.shape.length > DEEPEST) throw tooDeep();
    this.#nest = undefined;
    this.#at = end;
    if (nest.count < SMALLEST_BLOCK) return;
    this.#apartBytes += end - nest.start;
    if (this.reading.blocks) this.#lift(nest.start, end, nest.block);
  }

  /** Leaves a name in the place of a value, or of some elements of an array. */
  #lift(start: number, end: number, value: NumberBlock | TextRun | string): void {
    const name = `"${this.#mark}${this.#lifted.length}"`;
    this.#lifted.push(value);
    this.#pieces.push(this.bytes.subarray(this.#kept, start), Buffer.from(name));
    this.#kept = end;
  }

  #restore(value: unknown): unknown {
    if (typeof value === 'string') return value.startsWith(this.#mark) ? this.#lifted[Number(value.slice(this.#mark.length))] : value;
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      const elements = value.map((element) => this.#restore(element));
      const [first] = elements;
      // The rule, and what follows takes 15 ms for 600,000 texts.
      if (isRun(first) && elements.length === 1) return first.texts;
      return elements.some(isRun) ? elements.flatMap((element) => (isRun(element) ? element.texts : [element])) : elements;
    }
    const members = value as Record<string, unknown>;
    for (const key of Object.keys(members)) {
      const restored = this.#restore(members[key]);
      if (restored !== members[key]) members[key] = restored;
    }
    return members;
  }
}

function isRun(value: unknown): value is TextRun {
  return value instanceof TextRun;
}

/** @param most what it may have. */
export function tooMuch(most = `${MOST_LEFT_BYTES} bytes beside arrays of numbers and texts`): NestorError {
  const message = `JSON of this size may hold ${most}; send MsgPack, Protobuf, .npy or octet-stream, or send it in parts`;
  return new NestorError('PAYLOAD_TOO_LARGE', message, { field: 'body' });
}
