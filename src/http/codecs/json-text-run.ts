// Texts of a large body of JSON: one, or those that follow one another in an array.
//
// They are parsed a turn of the event loop at a time, in fragments that may begin and end amid a text: 16 MiB of escapes held it for 63 ms as one
// text and for 98 as texts of 24 bytes; so for 4 and 7.
import { notJson } from './json-error.js';

/** Runs of fewer bytes are left to `JSON.parse`: to put one aside takes as long as to parse 3 KiB without escapes. */
export const SHORTEST_RUN = 4096;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const U = 0x75;
/** Bytes of a UTF-8 sequence behind its first, at most. */
const MOST_CONTINUATIONS = 3;
const NONE = Buffer.of();
const TEXT_END = Buffer.of(QUOTE);
const ARRAY = Buffer.from('[');
const ARRAY_END = Buffer.from(']');
const utf8 = new TextDecoder('utf-8', { fatal: true });

export class TextRun {
  /** None of a run that is not long. */
  readonly texts: string[] = [];
  /** Behind what was read. */
  end: number;
  /** From the opening quotes to what was read or the closing ones. */
  textBytes = 1;
  /** Where the fragment begins that is not parsed yet. */
  #from: number;
  /** Whether it begins amid a text, the last one. */
  #amid = false;
  /** The first from `end` on, or one before it. */
  #quote = -1;

  /** @param start of the opening quote. @param inArray whether texts behind a comma are of the run. */
  constructor(
    private readonly bytes: Buffer,
    readonly start: number,
    readonly inArray: boolean,
  ) {
    this.end = start + 1;
    this.#from = start;
  }

  /** Whether a run that has ended is worth a place of its own. */
  get long(): boolean {
    return this.end - this.start >= SHORTEST_RUN;
  }

  /**
   * Reads on until there, or some bytes further.
   * @returns whether the run has ended.
   * @throws NestorError INVALID_REQUEST for texts that are none, or have no end.
   */
  read(until: number): boolean {
    for (;;) {
      const at = this.#endOfText(until);
      this.textBytes += at - this.end;
      if (this.bytes[at] !== QUOTE) {
        this.#parse(at, true);
        this.end = at;
        return false;
      }
      this.end = at + 1;
      const next = this.inArray ? this.#nextText() : undefined;
      if (next === undefined) {
        if (this.long) this.#parse(this.end, false);
        return true;
      }
      const full = next >= until;
      if (full) {
        this.#parse(this.end, false);
        this.#from = next;
      }
      this.end = next + 1;
      this.textBytes++;
      if (full) return false;
    }
  }

  /**
   * From `end`, which is in a text, to its closing quote, or where it may be cut: not in an escape, nor in a UTF-8 sequence. One search finds
   * the end of a text without escaped quotes. A search for each of these takes ten times as long as to walk.
   */
  #endOfText(until: number): number {
    const { bytes } = this;
    if (this.#quote < this.end) this.#quote = bytes.indexOf(QUOTE, this.end);
    if (this.#quote < 0) throw notJson('a text has no end', this.start);
    if (this.#quote < until && bytes[this.#quote - 1] !== BACKSLASH) return this.#quote;
    const clean = bytes.subarray(this.end, until).indexOf(BACKSLASH);
    let at = clean < 0 ? Math.min(this.#quote, until) : this.end + clean;
    while (at < until && bytes[at] !== QUOTE) at += bytes[at] !== BACKSLASH ? 1 : bytes[at + 1] === U ? 6 : 2;
    for (let more = 0; more < MOST_CONTINUATIONS && ((bytes[at] ?? 0) & 0xc0) === 0x80; more++) at++;
    if (at >= bytes.length) throw notJson('a text has no end', this.start);
    return at;
  }

  /** The opening quote behind a comma. */
  #nextText(): number | undefined {
    const { bytes } = this;
    const comma = behindSpace(bytes, this.end);
    if (bytes[comma] !== COMMA) return undefined;
    const next = behindSpace(bytes, comma + 1);
    return bytes[next] === QUOTE ? next : undefined;
  }

  /** Two halves of a character that escapes stand for, in two fragments, are one where these are joined. */
  #parse(to: number, amid: boolean): void {
    let texts: string[];
    try {
      const fragment = this.bytes.subarray(this.#from, to);
      const array = Buffer.concat([ARRAY, this.#amid ? TEXT_END : NONE, fragment, amid ? TEXT_END : NONE, ARRAY_END]);
      texts = JSON.parse(utf8.decode(array)) as string[];
    } catch (thrown) {
      throw notJson(thrown, this.#from);
    }
    if (this.#amid) this.texts.push((this.texts.pop() ?? '') + (texts.shift() ?? ''));
    for (const text of texts) this.texts.push(text);
    this.#from = to;
    this.#amid = amid;
  }
}

export function behindSpace(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[at]) at++;
  return at;
}
