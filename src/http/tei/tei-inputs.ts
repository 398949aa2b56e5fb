// What the requests hold -> what `inference/` understands; what is empty is told from what is wrong.
import { invalid, NestorError } from '../../errors.js';
import type { EmbeddingInput, EmbedOptions } from '../../inference/embedding.js';
import { readInputs } from '../codecs/embeddings-document.js';
import { EmptyInput } from './tei-errors.js';
import type { EmbedBody, SimilarityInput, TruncationBody } from './tei.dto.js';

/** Characters of all texts that are taken apart for one request: each may become a token, and each token a line of the answer. */
const MOST_CHARACTERS = 256 * 1024;
/** Token ids that are turned into text for one request: 200,000 lists of one held the event loop for 121 ms, and a body may hold millions. */
const MOST_IDS = 64 * 1024;

/** @throws EmptyInput for nothing, also as one of several; NestorError INVALID_REQUEST for what is neither text nor token ids. */
export function inputsOf(value: unknown, field: string): EmbeddingInput[] {
  if (isEmpty(value) || (Array.isArray(value) && value.some(isEmpty))) throw new EmptyInput(field);
  return readInputs(value, field);
}

/**
 * @returns the text that the others are compared with, and the others.
 * @throws EmptyInput, NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE
 */
export function comparedOf({ source_sentence: source, sentences }: SimilarityInput): EmbeddingInput[] {
  if (sentences.length === 0) throw new EmptyInput('inputs.sentences');
  const inputs = inputsOf([source, ...sentences], 'inputs');
  if (inputs.some((input) => typeof input !== 'string')) throw invalid('sentences', 'each value in sentences must be a string');
  return inputs;
}

/** @throws EmptyInput, NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE */
export function textsOf(value: unknown): string[] {
  const inputs = inputsOf(value, 'inputs');
  const texts = inputs.filter((input) => typeof input === 'string');
  if (texts.length < inputs.length) throw invalid('inputs', '`inputs` must be a text, or texts');
  if (texts.reduce((sum, text) => sum + text.length, 0) > MOST_CHARACTERS)
    throw new NestorError('PAYLOAD_TOO_LARGE', `The texts of a request may have ${MOST_CHARACTERS} characters; send them in parts`);
  return texts;
}

/** @throws EmptyInput, NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE */
export function idsOf(value: unknown): (readonly number[])[] {
  const inputs = inputsOf(value, 'ids');
  const lists = inputs.filter((input) => typeof input !== 'string');
  if (lists.length < inputs.length) throw invalid('ids', '`ids` must be token ids, or lists of them');
  if (lists.reduce((sum, list) => sum + list.length, 0) > MOST_IDS)
    throw new NestorError('PAYLOAD_TOO_LARGE', `A request may have ${MOST_IDS} token ids; send them in parts`, { field: 'ids' });
  return lists;
}

export function optionsOf({ truncate, truncation_direction: direction, prompt_name: name }: TruncationBody): EmbedOptions {
  const end = direction?.toLowerCase() === 'left' ? 'left' : 'right';
  return { cut: truncate === false ? 'never' : end, prompt: { name } };
}

/** Vectors have length one here unless told otherwise, whatever the model is configured to do. */
export function vectorOptionsOf(body: EmbedBody): EmbedOptions {
  return { ...optionsOf(body), normalize: body.normalize ?? true, dimensions: body.dimensions };
}

/** As text-embeddings-inference counts: code points of texts, and ids. */
export function charactersOf(inputs: readonly EmbeddingInput[]): number {
  return inputs.reduce((sum, input) => sum + (typeof input === 'string' ? codePoints(input) : input.length), 0);
}

function codePoints(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) if ((text.charCodeAt(index) & 0xfc00) !== 0xdc00) count += 1;
  return count;
}

function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0);
}
