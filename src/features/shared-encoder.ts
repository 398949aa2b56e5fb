// Texts of several requests in one call of the native tokenizer: waking its thread costs more than a text.
import type { Encoding, Tokenizer } from 'tokenizers';

/** Texts of one native call: long enough to pay for it, short enough that requests take turns. */
export const CHUNK = 64;
/** And their characters, 40 ms of a thread: beside many or long ones a short text gains nothing, and would wait for all of them. */
const CHUNK_CHARACTERS = 64 * 1024;

interface Asked {
  readonly texts: readonly string[];
  readonly characters: number;
  readonly resolve: (encodings: Encoding[]) => void;
  readonly reject: (reason: unknown) => void;
}

export class SharedEncoder {
  #asked: Asked[] = [];

  constructor(private readonly native: Pick<Tokenizer, 'encodeBatch'>) {}

  /** @param texts of one request, `CHUNK` of them at most. */
  encode(texts: readonly string[]): Promise<Encoding[]> {
    const characters = texts.reduce((sum, { length }) => sum + length, 0);
    return new Promise((resolve, reject) => {
      // What is asked for in one turn of the event loop goes together.
      if (this.#asked.length === 0) {
        setImmediate(() => {
          this.#callForAll();
        });
      }
      this.#asked.push({ texts, characters, resolve, reject });
    });
  }

  #callForAll(): void {
    let together: Asked[] = [];
    let [size, characters] = [0, 0];
    for (const asked of this.#asked) {
      const isFull = size + asked.texts.length > CHUNK || characters + asked.characters > CHUNK_CHARACTERS;
      if (isFull && together.length > 0) {
        void this.#call(together);
        together = [];
        [size, characters] = [0, 0];
      }
      together.push(asked);
      size += asked.texts.length;
      characters += asked.characters;
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
