// What a server of the suite was sent, as far as it is words: the texts and credentials of all requests that this process makes meanwhile.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIXTURES } from './paths.js';

/** What undici tells of a request: `headers` are names and values in turn. */
interface Told {
  readonly request: { readonly headers: readonly string[] };
  readonly chunk?: Uint8Array | string;
}

/** So many that differ are enough: what prints one prints them all. */
const MOST_TEXTS = 1000;
/** Larger pieces are tensors, in which there are no texts. */
const MOST_BYTES = 64 * 1024;
/** Texts of JSON with a space in them: names of models and fields, which logs may hold, have none. */
const TEXTS = /"([^"\\]{3,} [^"\\]{3,})"/g;
const CREDENTIALS = /^(authorization|x-api-key|cookie)$/i;
/** What comes before the part that is secret. */
const NOT_SECRET = /^(?:Bearer +|Basic +)?(?:nst_[a-z0-9-]+_)?/i;
const SHORTEST_SECRET = 6;
const CHUNKS = 'undici:request:bodyChunkSent';
const REQUESTS = 'undici:request:create';
/** What clients send that are no fetch: those of gRPC, those in Python. */
const SENTENCES = (JSON.parse(readFileSync(join(FIXTURES, 'minilm-sentences.json'), 'utf8')) as { text: string }[])
  .map(({ text }) => text)
  .filter((text) => /\S{3,} \S{3,}/.test(text));

export class Sent {
  readonly texts = new Set(SENTENCES);

  readonly #hear = (message: unknown): void => {
    const { request, chunk } = message as Told;
    if (this.texts.size >= MOST_TEXTS) return;
    if (chunk === undefined) this.#hearHead(request.headers);
    else if (chunk.length <= MOST_BYTES)
      for (const [, text = ''] of String(Buffer.from(chunk as string)).matchAll(TEXTS)) this.texts.add(text);
  };

  /** Until it is closed it hears every `fetch`, whoever calls it. */
  constructor() {
    subscribe(REQUESTS, this.#hear);
    subscribe(CHUNKS, this.#hear);
  }

  close(): void {
    unsubscribe(REQUESTS, this.#hear);
    unsubscribe(CHUNKS, this.#hear);
  }

  #hearHead(headers: readonly string[]): void {
    for (let index = 0; index < headers.length; index += 2) {
      if (!CREDENTIALS.test(headers[index] ?? '')) continue;
      const secret = (headers[index + 1] ?? '').replace(NOT_SECRET, '');
      if (secret.length >= SHORTEST_SECRET) this.texts.add(secret);
    }
  }
}
