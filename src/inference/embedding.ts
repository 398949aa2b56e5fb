// Texts -> token ids, and outputs -> vectors: what is special about embeddings on the path of a request.
import { invalid, NestorError } from '../errors.js';
import { normalized, pool } from '../features/pooling.js';
import type { Prompt, PromptChoice } from '../features/prompts.js';
import type { Cut, Tokenizer } from '../features/tokenizer.js';
import { embeddingOutputs } from '../models/embedding-outputs.js';
import type { Model } from '../models/model.js';
import type { TensorSpec } from '../models/signature.js';
import type { Tensor } from '../tensor.js';

/** An embedding input: a text, or the ids of its tokens. */
export type EmbeddingInput = string | readonly number[];

export interface EmbedOptions {
  /** Cuts the vectors to their first components and, unless told otherwise, normalizes them again (Matryoshka embeddings). */
  readonly dimensions?: number | undefined;
  /** What stands in front of every text; the model's default where nothing is asked for. */
  readonly prompt?: PromptChoice | undefined;
  /** Which end of a text that is too long is cut off, `right` by default; with `never` it is refused. */
  readonly cut?: Cut | undefined;
  /** Vectors of length one or as they are, whatever the model is configured to do. */
  readonly normalize?: boolean | undefined;
}

/** Inputs as the ids of their tokens, and how many at the start of each are a prompt's that is left out of the pooling; of none where there is none. */
export interface Tokenized {
  readonly ids: readonly (readonly number[])[];
  readonly skipped: readonly number[];
}

/** @throws NestorError INVALID_REQUEST when the model embeds nothing. */
export function tokenizerOf({ name, task, tokenizer }: Model): Tokenizer {
  if (task === 'embeddings' && tokenizer) return tokenizer;
  throw invalid('model', `The model ${name} serves ${task}, not embeddings`);
}

/** Texts -> ids; `Tokenizer.encode`, or what remembers its results. */
export type Encode = (texts: readonly string[], cut: Cut) => Promise<readonly (readonly number[])[]>;

/**
 * @param places of these inputs in the request.
 * @throws NestorError INVALID_REQUEST for a prompt that the model has not, and texts that are too long to be left uncut, or have no tokens.
 */
export async function tokenize(
  model: Model,
  inputs: readonly EmbeddingInput[],
  options: EmbedOptions,
  places: readonly number[],
  encode: Encode,
): Promise<Tokenized> {
  const tokenizer = tokenizerOf(model);
  const { cut = 'right' } = options;
  const prompt = model.prompts.choose(options.prompt ?? {});
  const listed = inputs.filter((input) => typeof input !== 'string');
  // A prompt goes in front of a text: ids are turned into theirs.
  const decoded = (prompt && listed.length > 0 ? await tokenizer.decode(listed, true) : []).values();
  const texts = inputs
    .map((input) => (typeof input === 'string' ? input : prompt && decoded.next().value))
    .filter((text) => text !== undefined);
  // Of ids it is known only now: tokens of a hundred characters are not unheard of.
  if (prompt) for (const [index, text] of texts.entries()) checkText(text, `input[${places[index]}]`);
  const prompted = prompt ? texts.map(prompt.apply) : texts;
  const encoded = (await encode(prompted, cut)).values();
  const ids = inputs.map((input) => (typeof input === 'string' || prompt ? (encoded.next().value ?? []) : cutIds(input, tokenizer, cut)));
  checkTokens(ids, (index) => `input[${places[index]}]`);
  const long = ids.findIndex(({ length }) => length > (tokenizer.maxLength ?? Infinity));
  if (long >= 0)
    throw invalid(`input[${places[long]}]`, `The input has more than ${tokenizer.maxLength} tokens; shorten it, or let it be truncated`);
  const skipped = prompt?.prefix === undefined || model.includePrompt ? [] : await skippedOf(prompt.prefix, prompted, ids, tokenizer, cut);
  if (ids.some(({ length }, index) => length <= (skipped[index] ?? 0)))
    throw invalid('prompt', 'The prompt leaves no room for the text: it is as long as the model reads');
  return { ids, skipped };
}

/** Tokens of the prompt at the start of each text; a cut on the left takes those first. */
async function skippedOf(
  prefix: string,
  texts: readonly string[],
  ids: Tokenized['ids'],
  tokenizer: Tokenizer,
  cut: Cut,
): Promise<number[]> {
  const usual = await tokenizer.prefixLength(prefix);
  const isCut = ({ length }: readonly number[]): boolean => cut === 'left' && length === tokenizer.maxLength;
  const skipped: number[] = [];
  for (const [index, text] of texts.entries()) skipped.push(isCut(ids[index] ?? []) ? await tokenizer.prefixLeft(prefix, text) : usual);
  return skipped;
}

/** Characters of a text: a tokenizer reads all of them, even those that are cut off, at about 1.5 million a second. */
const LONGEST_TEXT = 1024 * 1024;

/** @throws NestorError INVALID_REQUEST for a text that would hold a thread of the tokenizer for seconds. */
export function checkText({ length }: string, field: string): void {
  if (length > LONGEST_TEXT) throw invalid(field, `The text has ${length} characters; it may have ${LONGEST_TEXT}. Send it in parts`);
}

/** @throws NestorError INVALID_REQUEST for a text of which nothing is left, such as a blank one where no special tokens are added: no axis may be 0. */
export function checkTokens(ids: readonly (readonly number[])[], fieldOf: (index: number) => string): void {
  const empty = ids.findIndex(({ length }) => length === 0);
  if (empty >= 0)
    throw invalid(fieldOf(empty), `${fieldOf(empty)} has no tokens: the model's tokenizer finds none in it and adds none of its own`);
}

/** Of a prompt over all inputs of a request: each is hashed and tokenized with it, so that a short body could ask for hours of work. */
const MOST_PROMPT_CHARACTERS = 32 * 1024 * 1024;

/** @throws NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE for a prompt that is too long for so many inputs. */
export function checkPrompt({ prefix = '' }: Prompt, inputs: number): void {
  checkText(prefix, 'prompt');
  if (prefix.length * inputs <= MOST_PROMPT_CHARACTERS) return;
  const message = `The prompt has ${prefix.length} characters and goes in front of ${inputs} inputs; together that may be ${MOST_PROMPT_CHARACTERS}. Send them in parts`;
  throw new NestorError('PAYLOAD_TOO_LARGE', message, { field: 'prompt' });
}

/** Token ids of a text that a prompt goes in front of: 65,536 are some 450,000 characters, in 10 ms of the event loop. */
const MOST_PROMPTED_IDS = 64 * 1024;

/** @throws NestorError INVALID_REQUEST for ids that would be a text of which `checkText` says that it is too long. */
export function checkPrompted({ length }: readonly number[], field: string): void {
  if (length <= MOST_PROMPTED_IDS) return;
  throw invalid(
    field,
    `There are ${length} token ids; with a prompt in front of them there may be ${MOST_PROMPTED_IDS}. Send them in parts`,
  );
}

/** @throws NestorError INVALID_REQUEST for ids that are not in the vocabulary. */
export function checkIds(ids: readonly number[], { vocabularySize }: Tokenizer, field: string): void {
  const odd = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (odd === undefined) return;
  throw invalid(
    field,
    `Token ids are whole numbers from 0 to ${vocabularySize - 1} of this model's own tokenizer; ${odd} is not. Send text instead`,
  );
}

function cutIds(ids: readonly number[], { maxLength }: Tokenizer, cut: Cut): readonly number[] {
  if (maxLength === undefined || cut === 'never') return ids;
  return cut === 'left' ? ids.slice(-maxLength) : ids.slice(0, maxLength);
}

/** The output that is computed for vectors of texts: pooled in the graph where that is what was asked for, else token by token. */
export function vectorOutput(model: Model, { normalize, dimensions = 0 }: EmbedOptions): TensorSpec {
  const { text, tokens } = embeddingOutputs(model.signature);
  const raw = normalize === false && model.normalize;
  const output = model.includePrompt && !raw ? (text ?? tokens) : (tokens ?? text);
  if (!output) throw invalid('model', `The model ${model.name} has no output`);
  if (raw && (output === text || model.poolsInGraph))
    throw invalid('normalize', 'The graph of this model normalizes its vectors itself: they cannot be had otherwise');
  const width = output.shape.at(-1) ?? -1;
  if (width !== -1) checkDimensions(dimensions, width);
  return output;
}

/** @throws NestorError INVALID_REQUEST for more than there are. */
function checkDimensions(dimensions: number, width: number): void {
  if (dimensions > width) throw invalid('dimensions', `The model's vectors have ${width} dimensions; ${dimensions} cannot be had`);
}

/** @throws NestorError INVALID_REQUEST when the graph keeps its token vectors to itself. */
export function tokenOutput(model: Model): TensorSpec {
  const { tokens } = embeddingOutputs(model.signature);
  if (tokens) return tokens;
  throw invalid('model', `The graph of ${model.name} pools its tokens itself: it has no vectors of tokens to give`);
}

/** The vector of a text as it is remembered, `[1, d]`: pooled where the graph has not done it, neither cut nor normalized. */
export function pooledOf({ pooling }: Model, tensor: Tensor | undefined, skipped: number): Tensor {
  if (!tensor) throw new Error('an item without output; this is a bug');
  // A copy: the output may be a view of all that its batch put out.
  const data = tensor.shape.length === 3 ? pool(tensor, pooling, skipped) : Float32Array.from(tensor.data as Float32Array);
  return { name: tensor.name, datatype: 'FP32', shape: [1, data.length], data };
}

/**
 * Cut and normalized as it was asked for.
 * @param byUs whether it was pooled here and not by the graph.
 * @throws NestorError INVALID_REQUEST for more dimensions than it has, which not every graph says.
 */
export function vectorOf(model: Model, vector: Float32Array, byUs: boolean, options: EmbedOptions): Float32Array {
  const { dimensions = vector.length } = options;
  checkDimensions(dimensions, vector.length);
  const isCut = dimensions < vector.length;
  const unit = !byUs && model.normalize && !isCut;
  const shortened = isCut ? vector.subarray(0, dimensions) : vector;
  return (options.normalize ?? (isCut || (byUs && model.normalize))) && !unit ? normalized(shortened) : shortened;
}
