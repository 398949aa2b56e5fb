// The body of an infer request: JSON, and behind it the bytes of tensors (the binary tensor data extension).
import { invalid } from '../../errors.js';

export const HEADER_LENGTH = 'Inference-Header-Content-Length';

export interface InferBody {
  /** Undefined for a raw request: the body is the one tensor of the model. */
  readonly json: Buffer | undefined;
  /** Tensors in the order of the inputs. */
  readonly binary: Buffer;
}

/** @throws NestorError INVALID_REQUEST for a length that the body does not have. */
export function splitBody(bytes: Buffer, header: string | string[] | undefined): InferBody {
  if (header === undefined) return { json: bytes, binary: bytes.subarray(bytes.byteLength) };
  const length = typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : NaN;
  if (!(length <= bytes.byteLength)) {
    throw invalid(HEADER_LENGTH, `${HEADER_LENGTH} is the length of the JSON, from 0 to the ${bytes.byteLength} bytes of the body`);
  }
  return { json: length === 0 ? undefined : bytes.subarray(0, length), binary: bytes.subarray(length) };
}

/** Hands out the bytes of one tensor after the other. */
export class BinaryReader {
  #offset = 0;

  constructor(private readonly bytes: Buffer) {}

  /** @throws NestorError INVALID_REQUEST when there are not so many. */
  take(size: unknown, field: string): Buffer {
    if (!Number.isSafeInteger(size) || (size as number) < 0) throw invalid(field, 'binary_data_size must be a whole number, 0 or more');
    const end = this.#offset + (size as number);
    if (end > this.bytes.byteLength) {
      throw invalid(field, `binary_data_size is ${String(size)} and ${this.bytes.byteLength - this.#offset} bytes are left of the body`);
    }
    const part = this.bytes.subarray(this.#offset, end);
    this.#offset = end;
    return part;
  }

  /** @throws NestorError INVALID_REQUEST when something is left. */
  finish(): void {
    const left = this.bytes.byteLength - this.#offset;
    if (left > 0) throw invalid('body', `${left} bytes are left behind the last input; is a binary_data_size missing?`);
  }
}
