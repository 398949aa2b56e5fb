// Keys: cryptographic digests of everything that an answer depends on, so that two that differ in anything never meet.
import { createHash, hash } from 'node:crypto';
import type { Tensor } from '../tensor.js';

/** Part of every key: raised when the meaning of a key or the form of a value changes. */
const FORM = 1;

/** From this size on bytes are hashed on libuv's threads: below it the event loop is done in a fraction of a millisecond. */
const ASIDE_BYTES = 256 * 1024;

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

  /** @param prompt what is put in front of the text that they stand for. */
  tokens(ids: readonly number[], prompt = ''): string {
    return this.#prefix + hash('sha256', `${this.#head}tokens\n${JSON.stringify(prompt)}\n${ids.join()}`, 'base64url');
  }

  /** Bytes that say by themselves what they are: a picture. */
  async bytes(bytes: Uint8Array): Promise<string> {
    return this.#prefix + hash('sha256', `${this.#head}bytes\n${await digestOf(bytes)}`, 'base64url');
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
  if (bytes.byteLength < ASIDE_BYTES) return hash('sha256', bytes, 'base64url');
  return Buffer.from(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('base64url');
}

/** Each with its length in front: ['ab', 'c'] is not ['a', 'bc']. */
function digestOfStrings(texts: readonly string[]): string {
  const digest = createHash('sha256');
  for (const text of texts) digest.update(`${Buffer.byteLength(text)}:`).update(text);
  return digest.digest('base64url');
}
