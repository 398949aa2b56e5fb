// An embeddings request as a document of plain values: OpenAI's, which JSON and MsgPack share.
import { invalid } from '../../errors.js';
import type { EmbeddingInput } from '../../inference/embedding.js';
import { EmbeddingsBody } from '../dto/embeddings.dto.js';
import { envelope } from '../envelope.js';
import type { EmbeddingsQuery } from './codec.js';
import { NumberBlock } from './number-block.js';

/** @throws NestorError INVALID_REQUEST */
export function readEmbeddings(value: unknown): EmbeddingsQuery {
  const { model, input, encoding_format: format = 'float', dimensions, prompt_name: name, prompt: text } = envelope(EmbeddingsBody, value);
  return { model, inputs: readInputs(input, 'input'), format, dimensions, prompt: { name, text } };
}

/** A list of numbers is the ids of one text, anything else in a list is an input of its own. */
export function readInputs(input: unknown, field: string): EmbeddingInput[] {
  if (input instanceof NumberBlock) return readInputs(input.rows(), field);
  if (!Array.isArray(input)) return [inputOf(input, field)];
  if (input.length === 0) throw invalid(field, `${field} is empty`);
  if (typeof input[0] === 'number') return [inputOf(input, field)];
  return input.map((one, index) => inputOf(one, `${field}[${index}]`));
}

function inputOf(input: unknown, field: string): EmbeddingInput {
  if (typeof input === 'string') {
    if (input === '') throw invalid(field, `${field} is an empty text`);
    return input;
  }
  if (input instanceof NumberBlock) return inputOf(input.rows(), field);
  if (!Array.isArray(input)) throw invalid(field, `${field} must be a text or a list of token ids`);
  if (input.length === 0) throw invalid(field, `${field} is an empty list of token ids`);
  if (!input.every((id) => Number.isInteger(id))) throw invalid(field, `${field} must hold token ids only, whole numbers`);
  return input as number[];
}
