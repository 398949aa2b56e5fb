// The path of a request in one place: look up, features, queue, run, join.
import { Injectable } from '@nestjs/common';
import { invalid, NestorError } from '../errors.js';
import type { Item, JobOptions, JobResult } from '../batching/item.js';
import { imageTensor } from '../features/image.js';
import { normalized, pool } from '../features/pooling.js';
import { isTokenInput, tokenTensors } from '../features/token-tensors.js';
import type { Tokenizer } from '../features/tokenizer.js';
import { ModelManager, type ModelRef } from '../models/model-manager.js';
import type { Model } from '../models/model.js';
import type { Tensor } from '../tensor.js';
import { checkInputs, checkOutputs } from './check-inputs.js';
import { toItems } from './items.js';
import { Prediction, type Call, type Embeddings, type PredictionInput } from './prediction.js';

/** An embedding input: a text, or the ids of its tokens. */
export type EmbeddingInput = string | readonly number[];

/** Texts that become tensors between two turns of the event loop: less than a millisecond of work. */
const TEXTS_A_TURN = 64;

/** Pictures that are decoded at once for one request: a queue of thousands must not hold all of sharp's threads. */
const IMAGES_AT_ONCE = 8;

@Injectable()
export class InferenceService {
  constructor(private readonly models: ModelManager) {}

  /**
   * Runs a model on tensors, texts or pictures.
   * @param wanted names of the outputs to compute; all when empty.
   * @throws NestorError, see docs/lifecycle.md for the station at which each code leaves.
   */
  async predict(ref: ModelRef, input: PredictionInput, wanted?: readonly string[], call: Call = {}): Promise<Prediction> {
    using lease = await this.models.use(ref);
    const { model } = lease;
    const outputs = checkOutputs(model, wanted);
    const started = performance.now();
    const items = await this.#items(model, input);
    const preprocess = (performance.now() - started) / 1000;
    if (input.kind !== 'tensors') model.metrics.preprocess(preprocess);
    const result = await submit(model, items, { ...call, outputs }, preprocess);
    const parts = result.outputs.map((tensors) => ordered(tensors, outputs));
    return new Prediction(model, parts, { preprocess, queue: result.queueSeconds, inference: result.inferenceSeconds });
  }

  /**
   * One vector for each text, or list of token ids.
   * @param dimensions cuts the vectors to their first components and normalizes them again (Matryoshka embeddings).
   */
  async embed(ref: ModelRef, inputs: readonly EmbeddingInput[], dimensions?: number, call: Call = {}): Promise<Embeddings> {
    using lease = await this.models.use(ref);
    const { model } = lease;
    const { tokenizer } = model;
    if (model.task !== 'embeddings' || !tokenizer) throw invalid('model', `The model ${model.name} serves ${model.task}, not embeddings`);
    const output =
      model.signature.output('sentence_embedding') ??
      model.signature.outputs.find(({ shape }) => shape.length === 3) ??
      model.signature.outputs[0];
    if (!output) throw new NestorError('INFERENCE_FAILED', 'The model has no output');
    checkDimensions(output.shape.at(-1) ?? -1, dimensions);
    const started = performance.now();
    model.batcher.admit(inputs.length, inputs.length, call);
    const items: Item[] = [];
    for (let from = 0; from < inputs.length; from += TEXTS_A_TURN) {
      const ids = await tokenize(tokenizer, inputs.slice(from, from + TEXTS_A_TURN), from);
      for (const tokens of ids) items.push(...toItems(model, tokenTensors(tokens, model.signature.inputs)));
    }
    const preprocess = (performance.now() - started) / 1000;
    model.metrics.preprocess(preprocess);
    const result = await submit(model, items, { ...call, outputs: [output.name] }, preprocess);
    return {
      model,
      vectors: result.outputs.map(([tensor]) => vectorOf(model, tensor, dimensions)),
      tokens: items.reduce((sum, item) => sum + item.length, 0),
      timings: { preprocess, queue: result.queueSeconds, inference: result.inferenceSeconds },
    };
  }

  async #items(model: Model, input: PredictionInput): Promise<Item[]> {
    if (input.kind === 'tensors') return toItems(model, checkInputs(model, input.tensors));
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

async function tokenize(tokenizer: Tokenizer, inputs: readonly EmbeddingInput[], offset: number): Promise<readonly (readonly number[])[]> {
  const texts = inputs.filter((input) => typeof input === 'string');
  if (texts.length === inputs.length) return tokenizer.encode(texts);
  const encoded = (await tokenizer.encode(texts)).values();
  return inputs.map((input, index) => {
    if (typeof input === 'string') return encoded.next().value ?? [];
    const odd = input.find((id) => !Number.isInteger(id) || id < 0 || id >= tokenizer.vocabularySize);
    if (odd !== undefined) {
      throw invalid(
        `input[${offset + index}]`,
        `Token ids are whole numbers from 0 to ${tokenizer.vocabularySize - 1} of this model's own tokenizer; ${odd} is not. Send text instead`,
      );
    }
    return input.slice(0, tokenizer.maxLength);
  });
}

/** A text model puts out a vector, or one a token that has to be pooled. */
function vectorOf({ pooling, normalize }: Model, tensor: Tensor | undefined, dimensions: number | undefined): Float32Array {
  if (!tensor) throw new Error('an item without output; this is a bug');
  const pooled = tensor.shape.length === 3;
  const vector = pooled ? pool(tensor, pooling) : (tensor.data as Float32Array);
  if (dimensions !== undefined && dimensions < vector.length) return normalized(vector.subarray(0, dimensions));
  return pooled && normalize ? normalized(vector) : vector;
}

function checkDimensions(width: number, dimensions = 0): void {
  if (width !== -1 && dimensions > width)
    throw invalid('dimensions', `The model's vectors have ${width} dimensions; ${dimensions} cannot be had`);
}

function ordered(tensors: readonly Tensor[], names: readonly string[]): Tensor[] {
  return names.map((name) => tensors.find((tensor) => tensor.name === name)).filter((tensor) => tensor !== undefined);
}
