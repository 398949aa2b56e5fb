// Tensors within a JSON document: their numbers are written as bytes, and `JSON.stringify` writes what is around them.
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Tensor } from '../../tensor.js';
import { jsonBody, jsonText, type Numbers, type Part } from './json-body.js';
import { checkFinite, nest, valuesToJson } from './json-tensors.js';

/** Shorter rows are not worth the detour. */
const SHORT_ROW = 16;

export class JsonWriter {
  readonly #blocks: Numbers[] = [];
  /** Nothing that a client sends can be this; made for the first block. */
  #mark = '';

  /**
   * What stands in a document for the values of a tensor.
   * @param shape how they are nested; flat by default.
   * @throws NestorError NOT_ACCEPTABLE for values that JSON cannot carry.
   */
  values(tensor: Tensor, shape: readonly number[] = [tensor.data.length]): unknown {
    const { data, name, datatype } = tensor;
    if (Array.isArray(data) || (data.length < SHORT_ROW && !holdsNegativeZero(tensor)))
      return nest(valuesToJson(data, name, datatype), shape);
    if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Float16Array) checkFinite(data, name);
    this.#mark ||= `${randomUUID()}:`;
    return this.#mark + String(this.#blocks.push({ datatype, shape, data }) - 1);
  }

  body(document: object): string | Readable {
    return jsonBody(this.#parts(document));
  }

  /** In one go. */
  text(document: object): string {
    return jsonText(this.#parts(document));
  }

  *#parts(document: object): Generator<Part> {
    const text = JSON.stringify(document);
    const [start = '', ...others] = this.#mark === '' ? [text] : text.split(`"${this.#mark}`);
    yield start;
    for (const other of others) {
      const end = other.indexOf('"');
      const block = this.#blocks[Number(other.slice(0, end))];
      if (block) yield block;
      yield other.slice(end + 1);
    }
  }
}

/** JSON has a zero with a sign, and `JSON.stringify` loses it. */
function holdsNegativeZero({ data }: Tensor): boolean {
  if (!(data instanceof Float32Array || data instanceof Float64Array || data instanceof Float16Array)) return false;
  return data.some((value: number) => value === 0 && Object.is(value, -0));
}
