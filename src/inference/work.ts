// What a request asks to be computed, input by input: each with its key, and its tensors once they are needed.
import type { KeyMaker } from '../cache/key.js';
import { invalid } from '../errors.js';
import { isTokenInput, tokenTensors } from '../features/token-tensors.js';
import type { Tokenizer } from '../features/tokenizer.js';
import type { Model } from '../models/model.js';
import type { Tensor } from '../tensor.js';
import { checkInputs } from './check-inputs.js';
import type { Features } from './features.js';
import type { EmbeddingInput, PredictionInput } from './prediction.js';

/** Texts that become tensors between two turns of the event loop: less than a millisecond of work. */
const TEXTS_A_TURN = 64;

/** Texts that are hashed between two turns: about half a millisecond. */
const KEYS_A_TURN = 256;

export interface Work {
  /** Number of inputs that are keyed apart. */
  readonly size: number;
  /** Whether making tensors of them is work: then they are admitted before it is done. */
  readonly costly: boolean;
  readonly keys: (maker: KeyMaker) => Promise<string[]>;
  /** The tensors of the inputs at these places. */
  readonly tensors: (places: readonly number[]) => Promise<Tensor[][]>;
}

/** @throws NestorError INVALID_REQUEST for what the model does not take. */
export function workOf(model: Model, input: PredictionInput, features: Features): Work {
  if (input.kind === 'tensors') return tensorWork(checkInputs(model, input.tensors));
  if (input.kind === 'texts') {
    const { tokenizer, signature } = model;
    if (!tokenizer || !signature.inputs.every((spec) => isTokenInput(spec.name)))
      throw invalid('instances', `The model ${model.name} takes no texts`);
    return textWork(model, tokenizer, input.texts, features);
  }
  return pictureWork(model, input.images, features);
}

/** One input: rows of tensors are not told apart. */
function tensorWork(tensors: Tensor[]): Work {
  return { size: 1, costly: false, keys: async (maker) => [await maker.tensors(tensors)], tensors: () => Promise.resolve([tensors]) };
}

/** @throws NestorError INVALID_REQUEST for token ids that the model's tokenizer does not have. */
export function textWork(model: Model, tokenizer: Tokenizer, inputs: readonly EmbeddingInput[], features: Features): Work {
  for (const [index, input] of inputs.entries()) if (typeof input !== 'string') checkIds(input, index, tokenizer);
  return {
    size: inputs.length,
    costly: true,
    keys: async (maker) => {
      const keys: string[] = [];
      for (const [index, input] of inputs.entries()) {
        if (index > 0 && index % KEYS_A_TURN === 0) await new Promise(setImmediate);
        keys.push(typeof input === 'string' ? maker.text(input) : maker.tokens(input.slice(0, tokenizer.maxLength)));
      }
      return keys;
    },
    tensors: async (places) => {
      const tensors: Tensor[][] = [];
      for (let from = 0; from < places.length; from += TEXTS_A_TURN) {
        const some = places.slice(from, from + TEXTS_A_TURN).map((place) => inputs[place] ?? '');
        const ids = await idsOf(model, tokenizer, some, features);
        tensors.push(...ids.map((tokens) => tokenTensors(tokens, model.signature.inputs)));
      }
      return tensors;
    },
  };
}

function pictureWork(model: Model, images: readonly Uint8Array[], features: Features): Work {
  const [spec] = model.signature.inputs;
  const { image } = model;
  if (!image || !spec) throw invalid('instances', `The model ${model.name} takes no pictures`);
  return {
    size: images.length,
    costly: true,
    keys: (maker) => Promise.all(images.map((bytes) => maker.bytes(bytes))),
    tensors: async (places) => {
      const decoded = await features.pictures(model, image, spec.name, images, places);
      return decoded.map((tensor) => [tensor]);
    },
  };
}

async function idsOf(
  model: Model,
  tokenizer: Tokenizer,
  inputs: readonly EmbeddingInput[],
  features: Features,
): Promise<readonly (readonly number[])[]> {
  const texts = inputs.filter((input) => typeof input === 'string');
  const encoded = await features.tokens(model, tokenizer, texts);
  if (texts.length === inputs.length) return encoded;
  const next = encoded.values();
  return inputs.map((input) => (typeof input === 'string' ? (next.next().value ?? []) : input.slice(0, tokenizer.maxLength)));
}

function checkIds(ids: readonly number[], index: number, { vocabularySize }: Tokenizer): void {
  const odd = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (odd === undefined) return;
  throw invalid(
    `input[${index}]`,
    `Token ids are whole numbers from 0 to ${vocabularySize - 1} of this model's own tokenizer; ${odd} is not. Send text instead`,
  );
}
