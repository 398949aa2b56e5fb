// Texts -> token ids, in Hugging Face's own tokenizer, off the event loop.
import { readFile } from 'node:fs/promises';
import { reasonOf } from '../errors.js';
import { Tokenizer as NativeTokenizer } from 'tokenizers';

/** Texts of one native call: long enough to pay for it, short enough that requests take turns. */
const CHUNK = 64;

export interface TokenizerOptions {
  /** Most tokens of a text, special tokens included; longer texts are cut at the right. */
  readonly maxLength: number | undefined;
}

export class Tokenizer {
  private constructor(
    private readonly native: NativeTokenizer,
    readonly padTokenId: number,
    readonly vocabularySize: number,
    /** Undefined where texts are never cut. */
    readonly maxLength: number | undefined,
  ) {}

  /**
   * Reads a `tokenizer.json`. Its padding is dropped, since the batcher pads to the batch and not to a fixed length.
   * @throws Error with the path when the file is not what it should be.
   */
  static async load(path: string, { maxLength }: TokenizerOptions): Promise<Tokenizer> {
    try {
      return Tokenizer.parse(await readFile(path, 'utf8'), maxLength);
    } catch (thrown) {
      throw new Error(`${path} is no tokenizer: ${reasonOf(thrown)}`, { cause: thrown });
    }
  }

  private static parse(text: string, maxLength: number | undefined): Tokenizer {
    const { padding, truncation } = JSON.parse(text) as { padding?: { pad_id?: number }; truncation?: { max_length?: number } };
    const native = NativeTokenizer.fromString(text);
    native.disablePadding();
    const longest = maxLength ?? truncation?.max_length;
    if (longest === undefined) native.disableTruncation();
    else native.setTruncation(longest, { strategy: 'LongestFirst' as never });
    const padTokenId = padding?.pad_id ?? native.tokenToId('[PAD]') ?? native.tokenToId('<pad>') ?? 0;
    return new Tokenizer(native, padTokenId, native.getVocabSize(true), longest);
  }

  /** The ids of each text, in order, special tokens included. */
  async encode(texts: readonly string[]): Promise<number[][]> {
    if (texts.length === 1) return [(await this.native.encode(texts[0] ?? '')).getIds()];
    const ids: number[][] = [];
    for (let from = 0; from < texts.length; from += CHUNK) {
      const encodings = await this.native.encodeBatch(texts.slice(from, from + CHUNK));
      for (const encoding of encodings) ids.push(encoding.getIds());
    }
    return ids;
  }
}
