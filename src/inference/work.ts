// What a request asks to be computed, input by input: each with its key, and its tensors once they are needed.
import { setImmediate } from 'node:timers/promises';
import type { KeyMaker } from '../cache/key.js';
import { invalid, NestorError } from '../errors.js';
import { isTokenInput, tokenTensors } from '../features/token-tensors.js';
import type { Tokenizer } from '../features/tokenizer.js';
import type { Model } from '../models/model.js';
import type { Tensor } from '../tensor.js';
import { checkInputs, checkValues, ELEMENTS_A_TURN } from './check-inputs.js';
import type { Features } from './features.js';
import { extentOf } from './items.js';
import {
  checkIds,
  checkPrompt,
  checkPrompted,
  checkText,
  checkTokens,
  tokenize,
  tokenizerOf,
  type EmbeddingInput,
  type EmbedOptions,
  type Encode,
} from './embedding.js';
import type { Call, PredictionInput } from './prediction.js';

/** Texts that become tensors between two turns of the event loop: less than a millisecond of work. */
const TEXTS_A_TURN = 64;
/** And their characters, unless one alone has more: a thread of the tokenizer has them for less than a second, then somebody may have gone away. */
const CHARACTERS_A_TURN = 1024 * 1024;
/** Token ids that a prompt goes in front of become text again, of so many characters each. */
const CHARACTERS_AN_ID = 7;

/** Pictures that are decoded at once for one request: a queue of thousands must not hold all of sharp's threads. */
const PICTURES_A_TURN = 8;

/** Inputs that are hashed between two turns: about half a millisecond. */
const KEYS_A_TURN = 256;
/** And their characters, token ids or bytes: a short body may ask for many texts behind a long prompt, and 32 MiB are hashed in 70 ms. */
const HASHED_A_TURN = 256 * 1024;

export interface Work {
  /** Number of inputs that are keyed apart. */
  readonly size: number;
  /** Whether making tensors of them is work: then they are admitted before it is done. */
  readonly costly: boolean;
  /** What it will cost, where that is known and it is work to look into what there is: then it is admitted before that too. */
  readonly cost?: { readonly items: number; readonly tokens: number };
  /** Bytes that the tensors of one input will take, where that is known before they are made and the queue does not bound them by tokens. */
  readonly bytesEach?: number;
  readonly keys: (maker: KeyMaker) => Promise<string[]>;
  /** The tensors of the inputs at these places. @throws NestorError CANCELLED or DEADLINE_EXCEEDED once nobody waits for them. */
  readonly tensors: (places: readonly number[], waits?: Waits) => Promise<Tensor[][]>;
}

/** Whether somebody waits for what is made, and whether it may be remembered. */
type Waits = Pick<Call, 'signal' | 'deadline' | 'cache'>;

/** @throws NestorError INVALID_REQUEST for what the model does not take. */
export function workOf(model: Model, input: PredictionInput, features: Features): Work {
  if (input.kind === 'tensors') return tensorWork(model, checkInputs(model, input.tensors));
  if (input.kind === 'texts') {
    const { tokenizer, signature } = model;
    if (!tokenizer || !signature.inputs.every((spec) => isTokenInput(spec.name)))
      throw invalid('instances', `The model ${model.name} takes no texts`);
    return textWork(model, tokenizer, input.texts, features);
  }
  return pictureWork(model, input.images, features);
}

/** One input: rows of tensors are not told apart. */
function tensorWork(model: Model, tensors: Tensor[]): Work {
  const { rows, length } = extentOf(model, tensors);
  return {
    size: 1,
    costly: false,
    ...(tensors.some(({ data }) => data.length > ELEMENTS_A_TURN) && { cost: { items: rows, tokens: rows * length } }),
    keys: async (maker) => [await maker.tensors(tensors)],
    tensors: async () => {
      await checkValues(model, tensors);
      return [tensors];
    },
  };
}

/** @throws NestorError INVALID_REQUEST for texts that are too long to be read. */
function textWork(model: Model, tokenizer: Tokenizer, texts: readonly string[], features: Features): Work {
  for (const [index, text] of texts.entries()) checkText(text, `instances[${index}]`);
  return {
    size: texts.length,
    costly: true,
    keys: (maker) => keysInTurns(texts, 0, (text) => maker.text(text)),
    tensors: (places, waits) =>
      inTurns(
        places,
        TEXTS_A_TURN,
        (place) => texts[place]?.length ?? 0,
        waits,
        async (some) => {
          const ids = await features.tokens(model, tokenizer, some.map((place) => texts[place] ?? ''), 'right', waits?.cache); // prettier-ignore
          checkTokens(ids, (index) => `instances[${some[index]}]`);
          return ids.map((tokens) => tokenTensors(tokens, model.signature.inputs));
        },
      ),
  };
}

export interface EmbeddingWork extends Work {
  /** Tokens at the start of the text at that place that are left out of the pooling, once its tensors are made. */
  readonly skipped: (place: number) => number;
}

/**
 * @throws NestorError INVALID_REQUEST for token ids that the model's tokenizer does not have, and a prompt that the model has not;
 * PAYLOAD_TOO_LARGE for one that is too long for so many inputs.
 */
export function embeddingWork(model: Model, inputs: readonly EmbeddingInput[], options: EmbedOptions, features: Features): EmbeddingWork {
  const tokenizer = tokenizerOf(model);
  const prompt = model.prompts.choose(options.prompt ?? {});
  if (prompt) checkPrompt(prompt, inputs.length);
  for (const [index, input] of inputs.entries()) {
    if (typeof input === 'string') checkText(input, `input[${index}]`);
    else {
      checkIds(input, tokenizer, `input[${index}]`);
      if (prompt) checkPrompted(input, `input[${index}]`);
    }
  }
  const asked = prompt && JSON.stringify(options.prompt ?? {});
  const prefixed = prompt?.prefix?.length ?? 0;
  const skipped = new Map<number, number>();
  return {
    size: inputs.length,
    costly: true,
    skipped: (place) => skipped.get(place) ?? 0,
    keys: (maker) =>
      keysInTurns(inputs, prefixed, (input) =>
        typeof input === 'string' ? maker.text(prompt ? prompt.apply(input) : input) : maker.tokens(input, asked),
      ),
    tensors: (places, waits) =>
      inTurns(
        places,
        TEXTS_A_TURN,
        (place) => {
          const input = inputs[place] ?? '';
          return prefixed + (prompt && typeof input !== 'string' ? input.length * CHARACTERS_AN_ID : input.length);
        },
        waits,
        async (some) => {
          const encode: Encode = (texts, cut) => features.tokens(model, tokenizer, texts, cut, waits?.cache);
          const tokenized = await tokenize(model, some.map((place) => inputs[place] ?? ''), options, some, encode); // prettier-ignore
          for (const [index, count] of tokenized.skipped.entries()) skipped.set(some[index] ?? 0, count);
          return tokenized.ids.map((tokens) => tokenTensors(tokens, model.signature.inputs));
        },
      ),
  };
}

/**
 * Does some, lets others have their turn, and goes on.
 * @param most inputs of a turn.
 * @param charactersAt of the input at that place.
 */
async function inTurns<T>(
  places: readonly number[],
  most: number,
  charactersAt: (place: number) => number,
  { signal, deadline = Infinity }: Waits = {},
  work: (some: readonly number[]) => Promise<readonly T[]>,
): Promise<T[]> {
  const done: T[] = [];
  for (let from = 0; from < places.length;) {
    if (signal?.aborted) throw new NestorError('CANCELLED', 'The client went away');
    if (performance.now() >= deadline) throw new NestorError('DEADLINE_EXCEEDED', 'The deadline passed before the answer was there');
    let [to, characters] = [from, 0];
    do characters += charactersAt(places[to++] ?? 0);
    while (to < places.length && to - from < most && characters + charactersAt(places[to] ?? 0) <= CHARACTERS_A_TURN);
    done.push(...(await work(places.slice(from, to))));
    from = to;
  }
  return done;
}

/** @param prefixed characters that stand in front of each. */
async function keysInTurns<T extends { readonly length: number }>(
  inputs: readonly T[],
  prefixed: number,
  keyOf: (input: T) => string | Promise<string>,
): Promise<string[]> {
  const keys: string[] = [];
  let [hashed, made] = [0, 0];
  for (const input of inputs) {
    if (made === KEYS_A_TURN || hashed >= HASHED_A_TURN) {
      await setImmediate();
      [hashed, made] = [0, 0];
    }
    const key = keyOf(input);
    keys.push(typeof key === 'string' ? key : await key);
    hashed += input.length + prefixed;
    made += 1;
  }
  return keys;
}

/** What the pictures of one request become, in bytes: 1,783 of 224 x 224. As many small ones as a body holds would become 20 GB. */
const MOST_DECODED_BYTES = 1024 ** 3;

/** @throws NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE */
function pictureWork(model: Model, images: readonly Uint8Array[], features: Features): Work {
  const [spec] = model.signature.inputs;
  const { image } = model;
  if (!image || !spec) throw invalid('instances', `The model ${model.name} takes no pictures`);
  const bytesEach = 3 * image.height * image.width * Float32Array.BYTES_PER_ELEMENT;
  const most = Math.max(1, Math.floor(MOST_DECODED_BYTES / bytesEach));
  if (images.length > most) {
    const message = `There are ${images.length} pictures; as tensors of this model ${most} may be had at once. Send them in parts`;
    throw new NestorError('PAYLOAD_TOO_LARGE', message, { field: 'instances' });
  }
  return {
    size: images.length,
    costly: true,
    bytesEach,
    keys: (maker) => keysInTurns(images, 0, (image) => maker.bytes(image)),
    tensors: (places, waits) =>
      inTurns(
        places,
        PICTURES_A_TURN,
        () => 0,
        waits,
        async (some) => {
          const decoded = await features.pictures(model, image, spec, images, some, waits?.cache);
          return decoded.map((tensor) => [tensor]);
        },
      ),
  };
}
