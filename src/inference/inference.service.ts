// The path of a request in one place: look up, features, queue, run, join.
import { Injectable } from '@nestjs/common';
import { invalid, NestorError } from '../errors.js';
import type { Item, JobOptions, JobResult } from '../batching/item.js';
import { imageTensor } from '../features/image.js';
import type { PromptChoice } from '../features/prompts.js';
import { isTokenInput, tokenTensors } from '../features/token-tensors.js';
import type { Token } from '../features/tokenizer.js';
import { ModelRegistry } from '../models/model-registry.js';
import type { Model } from '../models/model.js';
import type { TensorSpec } from '../models/signature.js';
import type { Tensor } from '../tensor.js';
import { checkInputs, checkOutputs } from './check-inputs.js';
import {
  checkIds,
  tokenize,
  tokenizerOf,
  tokenOutput,
  vectorOf,
  vectorOutput,
  type EmbeddingInput,
  type EmbedOptions,
} from './embedding.js';
import { toItems } from './items.js';
import { Prediction, type Call, type Embeddings, type ModelRef, type PredictionInput, type TokenEmbeddings } from './prediction.js';

/** Texts that become tensors between two turns of the event loop: less than a millisecond of work. */
const TEXTS_A_TURN = 64;

/** Vectors of tokens for one request, as floats: more than any text has, less than hurts. */
const MOST_TOKEN_VECTOR_BYTES = 256 * 1024 * 1024;

/** Pictures that are decoded at once for one request: a queue of thousands must not hold all of sharp's threads. */
const IMAGES_AT_ONCE = 8;

interface Encoding extends EmbedOptions {
  /** Tokens of all inputs, where the answer holds a vector for each. */
  readonly mostTokens?: number;
}

@Injectable()
export class InferenceService {
  constructor(private readonly models: ModelRegistry) {}

  /**
   * Runs a model on tensors, texts or pictures.
   * @param wanted names of the outputs to compute; all when empty.
   * @throws NestorError, see docs/lifecycle.md for the station at which each code leaves.
   */
  async predict({ name, version }: ModelRef, input: PredictionInput, wanted?: readonly string[], call: Call = {}): Promise<Prediction> {
    const model = this.models.resolve(name, version);
    const outputs = checkOutputs(model, wanted);
    const started = performance.now();
    const items = await this.#items(model, input, call.ownsInput);
    const preprocess = (performance.now() - started) / 1000;
    if (input.kind !== 'tensors') model.metrics.preprocess(preprocess);
    const result = await submit(model, items, { ...call, outputs }, preprocess);
    const parts = result.outputs.map((tensors) => ordered(tensors, outputs));
    return new Prediction(model, parts, { preprocess, queue: result.queueSeconds, inference: result.inferenceSeconds });
  }

  /** One vector for each text, or list of token ids. @throws NestorError */
  async embed(ref: ModelRef, inputs: readonly EmbeddingInput[], options: EmbedOptions = {}, call: Call = {}): Promise<Embeddings> {
    const model = this.#embedder(ref);
    const { outputs, skipped, ...rest } = await this.#encode(model, inputs, vectorOutput(model, options), options, call);
    return { model, vectors: outputs.map((tensor) => vectorOf(model, tensor, skipped, options)), ...rest };
  }

  /** The vectors of all tokens of each text, special tokens included, as the graph puts them out. @throws NestorError */
  async embedTokens(
    ref: ModelRef,
    inputs: readonly EmbeddingInput[],
    options: EmbedOptions = {},
    call: Call = {},
  ): Promise<TokenEmbeddings> {
    const model = this.#embedder(ref);
    const output = tokenOutput(model);
    const mostTokens = Math.floor(MOST_TOKEN_VECTOR_BYTES / 4 / Math.max(1, output.shape.at(-1) ?? 1));
    const { outputs, tokens, timings } = await this.#encode(model, inputs, output, { ...options, mostTokens }, call);
    return { model, texts: outputs.filter((tensor) => tensor !== undefined), tokens, timings };
  }

  /** The tokens of each text with its prompt, none cut off. @throws NestorError */
  async tokenize(ref: ModelRef, texts: readonly string[], prompt: PromptChoice, addSpecialTokens: boolean): Promise<Token[][]> {
    const model = this.#embedder(ref);
    const tokenizer = tokenizerOf(model);
    const chosen = model.prompts.choose(prompt);
    const lists: Token[][] = [];
    for (const text of texts) lists.push(await tokenizer.tokenize(chosen ? chosen.apply(text) : text, addSpecialTokens));
    return lists;
  }

  /** The text of each list of token ids. @throws NestorError */
  async decode(ref: ModelRef, ids: readonly (readonly number[])[], skipSpecialTokens: boolean): Promise<string[]> {
    const tokenizer = tokenizerOf(this.#embedder(ref));
    ids.forEach((list, index) => {
      checkIds(list, tokenizer, `ids[${index}]`);
    });
    return tokenizer.decode(ids, skipSpecialTokens);
  }

  #embedder({ name, version }: ModelRef): Model {
    const model = this.models.resolve(name, version);
    tokenizerOf(model);
    return model;
  }

  /** Tokenizes and runs: one tensor of that output for each input. */
  async #encode(model: Model, inputs: readonly EmbeddingInput[], { name }: TensorSpec, options: Encoding, call: Call) {
    const { mostTokens = Infinity } = options;
    const started = performance.now();
    model.batcher.admit(inputs.length, inputs.length, call);
    const items: Item[] = [];
    let skipped = 0;
    for (let from = 0; from < inputs.length; from += TEXTS_A_TURN) {
      const tokenized = await tokenize(model, inputs.slice(from, from + TEXTS_A_TURN), options, from);
      skipped = tokenized.skipped;
      for (const ids of tokenized.ids) items.push(...toItems(model, tokenTensors(ids, model.signature.inputs)));
    }
    const preprocess = (performance.now() - started) / 1000;
    model.metrics.preprocess(preprocess);
    const tokens = items.reduce((sum, item) => sum + item.length, 0);
    if (tokens > mostTokens)
      throw new NestorError(
        'PAYLOAD_TOO_LARGE',
        `The inputs have ${tokens} tokens; vectors of ${mostTokens} can be had at once. Send them in parts`,
      );
    const result = await submit(model, items, { ...call, outputs: [name] }, preprocess);
    return {
      outputs: result.outputs.map(([tensor]) => tensor),
      skipped,
      tokens,
      timings: { preprocess, queue: result.queueSeconds, inference: result.inferenceSeconds },
    };
  }

  async #items(model: Model, input: PredictionInput, owned?: boolean): Promise<Item[]> {
    if (input.kind === 'tensors') return toItems(model, checkInputs(model, input.tensors), owned);
    if (input.kind === 'texts') {
      const { tokenizer, signature } = model;
      if (!tokenizer || !signature.inputs.every((spec) => isTokenInput(spec.name)))
        throw invalid('instances', `The model ${model.name} takes no texts`);
      const ids = await tokenizer.encode(input.texts);
      return ids.flatMap((tokens) => toItems(model, tokenTensors(tokens, signature.inputs)));
    }
    const [spec] = model.signature.inputs;
    const { image } = model;
    if (!image || !spec) throw invalid('instances', `The model ${model.name} takes no pictures`);
    const tensors: Tensor[] = [];
    for (let from = 0; from < input.images.length; from += IMAGES_AT_ONCE) {
      const some = input.images.slice(from, from + IMAGES_AT_ONCE);
      tensors.push(
        ...(await Promise.all(some.map((bytes, index) => imageTensor(bytes, spec.name, image, `instances[${from + index}].image`)))),
      );
    }
    return tensors.flatMap((tensor) => toItems(model, [tensor]));
  }
}

/** Queues and runs; counted whatever comes of it. */
async function submit(model: Model, items: readonly Item[], options: JobOptions, preprocess: number): Promise<JobResult> {
  const { statistics } = model.metrics;
  const started = performance.now();
  const total = (): number => preprocess + (performance.now() - started) / 1000;
  try {
    const result = await model.batcher.submit(items, options);
    statistics.answered({ total: total(), queue: result.queueSeconds, preprocess, inference: result.inferenceSeconds });
    return result;
  } catch (thrown) {
    statistics.failed(total());
    throw thrown;
  }
}

function ordered(tensors: readonly Tensor[], names: readonly string[]): Tensor[] {
  return names.map((name) => tensors.find((tensor) => tensor.name === name)).filter((tensor) => tensor !== undefined);
}
