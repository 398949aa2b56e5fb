// Texts -> token ids, in Hugging Face's own tokenizer, off the event loop.
import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { invalid, reasonOf } from '../errors.js';
import { Tokenizer as NativeTokenizer, type Encoding } from 'tokenizers';
import { CHUNK, SharedEncoder } from './shared-encoder.js';

/** A call that is spread over threads of the tokenizer's own takes 1.15 times the CPU, and theirs are cores that models want. */
process.env.TOKENIZERS_PARALLELISM ??= 'false';

export interface TokenizerOptions {
  /** Most tokens of a text, special tokens included; longer texts are cut at the right. */
  readonly maxLength: number | undefined;
}

/** Which end of a text that is too long is cut off; with `never` it comes back with one id more than it may have. */
export type Cut = 'left' | 'right' | 'never';

/** Characters a token: a text with more of them is too long, whatever its tokens are (text-embeddings-inference has the same bound). */
const MOST_CHARACTERS = 250;
const DEFAULT_LENGTH = 512;

/** A token and where it stands in its text, in bytes of UTF-8; one that the tokenizer adds stands nowhere. */
export interface Token {
  readonly id: number;
  readonly text: string;
  readonly special: boolean;
  readonly start: number | null;
  readonly stop: number | null;
}

/**
 * By the SHA-256 of their file and their longest text: the library makes one on the event loop, 23 ms for 30,000 tokens, 1.6 s for 250,000 of
 * XLM-RoBERTa's kind, and a model that is loaded anew seldom has another.
 */
const inUse = new Map<string, WeakRef<Tokenizer>>();

export class Tokenizer {
  readonly #encoder: SharedEncoder;
  #uncut: { readonly native: NativeTokenizer; readonly encoder: SharedEncoder } | undefined;

  private constructor(
    private readonly native: NativeTokenizer,
    private readonly source: string,
    private readonly specialIds: ReadonlySet<number>,
    readonly padTokenId: number,
    readonly vocabularySize: number,
    /** Undefined where texts are never cut. */
    readonly maxLength: number | undefined,
  ) {
    this.#encoder = new SharedEncoder(native);
  }

  /** Most characters of a text that is tokenized whole. */
  get maxCharacters(): number {
    return (this.maxLength ?? DEFAULT_LENGTH) * MOST_CHARACTERS;
  }

  /**
   * Reads a `tokenizer.json`, unless one of the same content is in use. Its padding is dropped, since the batcher pads to the batch and not to
   * a fixed length.
   * @throws Error with the path when the file is not what it should be.
   */
  static async load(path: string, { maxLength }: TokenizerOptions): Promise<Tokenizer> {
    try {
      const file = await readFile(path);
      const key = `${Buffer.from(await webcrypto.subtle.digest('SHA-256', file)).toString('hex')} ${maxLength}`;
      const used = inUse.get(key)?.deref();
      if (used) return used;
      const tokenizer = Tokenizer.parse(file.toString(), maxLength);
      for (const [other, one] of inUse) if (!one.deref()) inUse.delete(other);
      inUse.set(key, new WeakRef(tokenizer));
      return tokenizer;
    } catch (thrown) {
      throw new Error(`${path} is no tokenizer: ${reasonOf(thrown)}`, { cause: thrown });
    }
  }

  private static parse(text: string, maxLength: number | undefined): Tokenizer {
    const { padding, truncation, added_tokens: added = [] } = headOf(text);
    const native = NativeTokenizer.fromString(text);
    native.disablePadding();
    const longest = maxLength ?? truncation?.max_length;
    // One token more than a text may have, so that a text that is cut can be told from one that just fits.
    if (longest === undefined) native.disableTruncation();
    else native.setTruncation(longest + 1, { strategy: 'LongestFirst' as never });
    const special = new Set(added.filter(({ special }) => special).map(({ id }) => id));
    const padTokenId = padding?.pad_id ?? native.tokenToId('[PAD]') ?? native.tokenToId('<pad>') ?? 0;
    return new Tokenizer(native, text, special, padTokenId, native.getVocabSize(true), longest);
  }

  /** The ids of each text, in order, special tokens included. */
  async encode(texts: readonly string[], cut: Cut = 'right'): Promise<number[][]> {
    const encoder = cut === 'left' ? this.#whole.encoder : this.#encoder;
    // Nothing of what is further left is left after the cut.
    const given = cut === 'left' ? texts.map((text) => text.slice(-this.maxCharacters)) : texts;
    const ids: number[][] = [];
    for (let from = 0; from < given.length; from += CHUNK) {
      for (const encoding of await encoder.encode(given.slice(from, from + CHUNK))) ids.push(this.#idsOf(encoding, cut));
    }
    return ids;
  }

  /**
   * The tokens of a text, all of them.
   * @throws NestorError INVALID_REQUEST for a text of more than `maxCharacters`.
   */
  async tokenize(text: string, addSpecialTokens: boolean): Promise<Token[]> {
    if (text.length > this.maxCharacters)
      throw invalid('inputs', `A text may have ${this.maxCharacters} characters here; this one has ${text.length}`);
    const encoding = await this.#whole.native.encode(text, null, { addSpecialTokens });
    const [special, tokens, offsets] = [encoding.getSpecialTokensMask(), encoding.getTokens(), encoding.getOffsets()];
    const places = bytePlaces(text);
    return encoding.getIds().map((id, index) => {
      if (special[index] === 1) return { id, text: tokens[index] ?? '', special: true, start: null, stop: null };
      const [from = 0, to = 0] = offsets[index] ?? [];
      return { id, special: false, text: places.slice(from, to), start: places.at(from), stop: places.at(to) };
    });
  }

  /** The text of each list of ids. */
  async decode(ids: readonly (readonly number[])[], skipSpecialTokens: boolean): Promise<string[]> {
    return this.native.decodeBatch(
      ids.map((list) => [...list]),
      skipSpecialTokens,
    );
  }

  /**
   * Tokens at the start of every text that begins with this prefix, as Sentence Transformers counts them (`_get_prompt_length`): those of
   * the prefix alone, without a special token at its end.
   */
  async prefixLength(prefix: string): Promise<number> {
    const [ids = []] = await this.encode([prefix]);
    return this.#lengthOfPrefix(ids);
  }

  /** Of these tokens, those that a cut on the left leaves in front of the text; the special ones at the start stay. @param text with the prefix. */
  async prefixLeft(prefix: string, text: string): Promise<number> {
    const from = Math.max(0, text.length - this.maxCharacters);
    const [before, whole] = await this.#whole.encoder.encode([prefix.slice(from), text.slice(from)]);
    if (!before || !whole) return 0;
    const excess = Math.max(0, whole.getLength() - (this.maxLength ?? Infinity));
    return Math.max(whole.getSpecialTokensMask().indexOf(0), this.#lengthOfPrefix(before.getIds()) - excess);
  }

  #lengthOfPrefix(ids: readonly number[]): number {
    return ids.length - Number(this.specialIds.has(ids.at(-1) ?? -1));
  }

  /** Without truncation, for the few who need it; made when it is first asked for, since it takes its memory once more. */
  get #whole(): { readonly native: NativeTokenizer; readonly encoder: SharedEncoder } {
    if (this.#uncut) return this.#uncut;
    const native = NativeTokenizer.fromString(this.source);
    native.disablePadding();
    native.disableTruncation();
    return (this.#uncut = { native, encoder: new SharedEncoder(native) });
  }

  #idsOf(encoding: Encoding, cut: Cut): number[] {
    const ids = encoding.getIds();
    if (this.maxLength === undefined || ids.length <= this.maxLength || cut === 'never') return ids;
    // Special tokens stay where they are: the cut is made between them.
    const added = encoding.getSpecialTokensMask();
    const first = added.indexOf(0);
    const last = added.lastIndexOf(0) + 1;
    const excess = ids.length - this.maxLength;
    ids.splice(cut === 'left' ? first : last - excess, excess);
    return ids;
  }
}

interface TokenizerFile {
  readonly padding?: { readonly pad_id?: number } | null;
  readonly truncation?: { readonly max_length?: number } | null;
  readonly added_tokens?: readonly { readonly id: number; readonly special?: boolean }[];
}

/**
 * The file without its vocabulary, where that comes last, as it does when it was written by the library: as an object of 30,000 members it
 * holds the event loop for 13 ms or more.
 * @throws SyntaxError where it is not JSON.
 */
function headOf(text: string): TokenizerFile {
  const end = text.search(/,\s*"model"\s*:\s*\{/);
  try {
    const head = JSON.parse(`${text.slice(0, end)}}`) as TokenizerFile;
    if (head.padding !== undefined && head.truncation !== undefined && head.added_tokens !== undefined) return head;
  } catch {
    // What was found is no member of the whole.
  }
  return JSON.parse(text) as TokenizerFile;
}

/** The tokenizer counts in code points: what stands there, and how many bytes of UTF-8 come before it. */
function bytePlaces(text: string): { slice: (from: number, to: number) => string; at: (point: number) => number } {
  const points = Array.from(text);
  const bytes = new Uint32Array(points.length + 1);
  for (const [index, point] of points.entries()) bytes[index + 1] = (bytes[index] ?? 0) + Buffer.byteLength(point);
  return { slice: (from, to) => points.slice(from, to).join(''), at: (point) => bytes[point] ?? 0 };
}
