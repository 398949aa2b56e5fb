// Keys: cryptographic digests of everything that an answer depends on, so that two that differ in anything never meet.
import { createHash, hash } from 'node:crypto';
import type { Tensor } from '../tensor.js';

/** Part of every key: raised when the meaning of a key or the form of a value changes. */
const FORM = 1;

/** From this size on bytes are hashed on libuv's threads: below it the event loop is done in a fraction of a millisecond. */
const ASIDE_BYTES = 256 * 1024;

/** Bytes of one turn: they are copied for the other thread, on the event loop. */
const PIECE_BYTES = 1024 * 1024;

/** Everything besides the input that the value depends on. Its JSON goes in front of the input: no part can run into another. */
export type Circumstances = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** The keys of one model and one level under the same circumstances. */
export class KeyMaker {
  readonly #prefix: string;
  readonly #head: string;

  /** @param scope digest of the model's content, see models/content-digest.ts */
  constructor(scope: string, level: string, circumstances: Circumstances) {
    this.#prefix = `${scope}:${level}:`;
    this.#head = `${JSON.stringify([FORM, scope, level, circumstances])}\n`;
  }

  text(text: string): string {
    return this.#prefix + hash('sha256', `${this.#head}text\n${text}`, 'base64url');
  }

  /**
   * By their bytes: to write a million ids as text would hold the event loop for 140 ms, this takes 11.
   * @param ids whole numbers of a vocabulary, which fit 32 bits.
   * @param prompt what is put in front of the text that they stand for.
   */
  tokens(ids: readonly number[], prompt = ''): string {
    const digest = hash('sha256', new Uint32Array(ids), 'base64url');
    return this.#prefix + hash('sha256', `${this.#head}tokens\n${JSON.stringify(prompt)}\n${digest}`, 'base64url');
  }

  /** Bytes that say by themselves what they are: a picture. */
  async bytes(bytes: Uint8Array): Promise<string> {
    return this.#prefix + hash('sha256', `${this.#head}bytes\n${await digestOf(bytes)}`, 'base64url');
  }

  /** One after the other: the event loop copies a piece of each. */
  async eachBytes(blocks: readonly Uint8Array[]): Promise<string[]> {
    const keys: string[] = [];
    for (const bytes of blocks) keys.push(await this.bytes(bytes));
    return keys;
  }

  /** Tensors in the order of the signature: names, datatypes, shapes and bytes. */
  async tensors(tensors: readonly Tensor[]): Promise<string> {
    const parts: string[] = [];
    for (const { name, datatype, shape, data } of tensors) {
      const digest = Array.isArray(data)
        ? digestOfStrings(data)
        : await digestOf(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      parts.push(JSON.stringify([name, datatype, shape, digest]));
    }
    return this.#prefix + hash('sha256', `${this.#head}tensors\n${parts.join('\n')}`, 'base64url');
  }
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  const { byteLength } = bytes;
  if (byteLength < ASIDE_BYTES) return hash('sha256', bytes, 'base64url');
  const digests: Uint8Array[] = [];
  for (let from = 0; from < byteLength; from += PIECE_BYTES) {
    const piece = bytes.subarray(from, from + PIECE_BYTES) as Uint8Array<ArrayBuffer>;
    digests.push(new Uint8Array(await crypto.subtle.digest('SHA-256', piece)));
  }
  // With the length in front, or it would be the digest of a short input too: that of these digests.
  return `${byteLength}:${hash('sha256', Buffer.concat(digests), 'base64url')}`;
}

/** Each with its length in front: ['ab', 'c'] is not ['a', 'bc']. */
function digestOfStrings(texts: readonly string[]): string {
  const digest = createHash('sha256');
  for (const text of texts) digest.update(`${Buffer.byteLength(text)}:`).update(text);
  return digest.digest('base64url');
}
