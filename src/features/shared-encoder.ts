// Texts of several requests in one call of the native tokenizer: waking its thread costs more than a text.
import type { Encoding, Tokenizer } from 'tokenizers';

/** Texts of one native call: long enough to pay for it, short enough that requests take turns. */
export const CHUNK = 64;

interface Asked {
  readonly texts: readonly string[];
  readonly resolve: (encodings: Encoding[]) => void;
  readonly reject: (reason: unknown) => void;
}

export class SharedEncoder {
  #asked: Asked[] = [];

  constructor(private readonly native: Pick<Tokenizer, 'encodeBatch'>) {}

  /** @param texts of one request, `CHUNK` of them at most. */
  encode(texts: readonly string[]): Promise<Encoding[]> {
    return new Promise((resolve, reject) => {
      // What is asked for in one turn of the event loop goes together.
      if (this.#asked.length === 0) {
        setImmediate(() => {
          this.#callForAll();
        });
      }
      this.#asked.push({ texts, resolve, reject });
    });
  }

  #callForAll(): void {
    let together: Asked[] = [];
    let size = 0;
    for (const asked of this.#asked) {
      if (size + asked.texts.length > CHUNK) {
        void this.#call(together);
        together = [];
        size = 0;
      }
      together.push(asked);
      size += asked.texts.length;
    }
    this.#asked = [];
    void this.#call(together);
  }

  async #call(together: readonly Asked[]): Promise<void> {
    try {
      const encodings = await this.native.encodeBatch(together.flatMap(({ texts }) => texts));
      let from = 0;
      for (const { texts, resolve } of together) resolve(encodings.slice(from, (from += texts.length)));
    } catch (thrown) {
      const [only] = together;
      if (only && together.length === 1) only.reject(thrown);
      // Whose text it was is not said: each is tried alone, so that nobody pays for another.
      else for (const asked of together) void this.#call([asked]);
    }
  }
}
