// An embeddings request as a document of plain values: OpenAI's, which JSON and MsgPack share.
import { invalid, NestorError } from '../../errors.js';
import type { EmbeddingInput } from '../../inference/embedding.js';
import { EmbeddingsBody } from '../dto/embeddings.dto.js';
import { envelope } from '../envelope.js';
import type { EmbeddingsQuery } from './codec.js';
import { isList } from './document-value.js';
import { NumberBlock } from './number-block.js';

/** @throws NestorError INVALID_REQUEST */
export function readEmbeddings(value: unknown): EmbeddingsQuery {
  const { model, input, encoding_format: format = 'float', dimensions, prompt_name: name, prompt: text } = envelope(EmbeddingsBody, value);
  return { model, inputs: readInputs(input, 'input'), format, dimensions, prompt: { name, text } };
}

/** They are made in one turn of the event loop: so many take 20 ms, and a body may hold 8 million. Unless told otherwise a queue holds half of it. */
export const MOST_INPUTS = 64 * 1024;

/** @throws NestorError PAYLOAD_TOO_LARGE */
export function checkCount(length: number, field: string): void {
  if (length <= MOST_INPUTS) return;
  throw new NestorError('PAYLOAD_TOO_LARGE', `${field} has ${length} inputs; a request may have ${MOST_INPUTS}. Send them in parts`, {
    field,
  });
}

/** Likewise, of all their ids, which are looked at one by one: so many take 30 ms, and a body of short ones may hold 16 million. */
export const MOST_TOKEN_IDS = 1024 * 1024;

/** Before any of them leaves its block. */
function checkIds(input: unknown[] | NumberBlock, field: string): void {
  const count = idsIn(input);
  if (count <= MOST_TOKEN_IDS) return;
  throw new NestorError('PAYLOAD_TOO_LARGE', `${field} has ${count} token ids; a request may have ${MOST_TOKEN_IDS}. Send them in parts`, {
    field,
  });
}

function idsIn(input: unknown[] | NumberBlock): number {
  if (input instanceof NumberBlock) return input.values.length;
  return isIds(input) ? input.length : input.reduce<number>((sum, one) => sum + (isList(one) ? idsIn(one) : 0), 0);
}

/**
 * A list of numbers is the ids of one text, anything else in a list is an input of its own.
 * @throws NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE
 */
export function readInputs(input: unknown, field: string): EmbeddingInput[] {
  if (!isList(input)) return [inputOf(input, field)];
  checkIds(input, field);
  if (isIds(input)) return [inputOf(input, field)];
  const length = input instanceof NumberBlock ? (input.shape[0] ?? 0) : input.length;
  if (length === 0) throw invalid(field, `${field} is empty`);
  checkCount(length, field);
  const inputs = input instanceof NumberBlock ? input.rows() : input;
  return inputs.map((one, index) => inputOf(one, field, index));
}

function isIds(input: unknown[] | NumberBlock): boolean {
  return input instanceof NumberBlock ? input.shape.length === 1 : typeof input[0] === 'number';
}

/** @param index of one of several. */
function inputOf(given: unknown, field: string, index?: number): EmbeddingInput {
  const input = given instanceof NumberBlock && isIds(given) ? given.rows() : given;
  const fault = faultOf(input);
  if (fault === undefined) return input as EmbeddingInput;
  const place = index === undefined ? field : `${field}[${index}]`;
  throw invalid(place, `${place} ${fault}`);
}

function faultOf(input: unknown): string | undefined {
  if (typeof input === 'string') return input === '' ? 'is an empty text' : undefined;
  if (!Array.isArray(input)) return 'must be a text or a list of token ids';
  if (input.length === 0) return 'is an empty list of token ids';
  return input.every((id) => Number.isInteger(id)) ? undefined : 'must hold token ids only, whole numbers';
}
