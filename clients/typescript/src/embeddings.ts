// Texts there as JSON, vectors back as one block of float32.
import type { Answer } from './answer.js';
import { elements } from './tensor-bytes.js';

export const OCTET_STREAM = 'application/octet-stream';

/** Texts, or the token ids of texts. */
export type EmbedInput = readonly string[] | readonly (readonly number[])[];

export function writeEmbed(model: string, input: EmbedInput, dimensions: number | undefined): string {
  return JSON.stringify({ model, input, dimensions });
}

/**
 * The rows of `[count, dimensions]`, views of one block.
 * @throws NestorError INVALID_ANSWER
 */
export function readVectors(answer: Answer, count: number): Float32Array[] {
  answer.expectType(OCTET_STREAM);
  const [rows, dimensions, ...others] = (answer.headers.get('tensor-shape') ?? '').split(',').map(Number);
  if (rows !== count || !Number.isSafeInteger(dimensions) || dimensions === undefined || others.length > 0) {
    throw answer.invalid(`its Tensor-Shape is no [${count}, dimensions]`, 'Tensor-Shape');
  }
  try {
    const block = elements(answer.bytes, 'FP32', count * dimensions);
    return Array.from({ length: count }, (_, row) => block.subarray(row * dimensions, (row + 1) * dimensions));
  } catch (thrown) {
    throw answer.invalid(thrown instanceof Error ? thrown.message : String(thrown), undefined, thrown);
  }
}
