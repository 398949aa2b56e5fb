// The path of a request in one place: look up, remember or compute: features, queue, run, join.
import { Injectable } from '@nestjs/common';
import { CacheService, type Level } from '../cache/cache.service.js';
import { invalid, NestorError } from '../errors.js';
import { pool, normalized } from '../features/pooling.js';
import { ModelRegistry } from '../models/model-registry.js';
import type { Model } from '../models/model.js';
import type { TensorSpec } from '../models/signature.js';
import type { Tensor } from '../tensor.js';
import { checkOutputs } from './check-inputs.js';
import { Features } from './features.js';
import { embeddings, outputs as outputLevel, type Parts, type Vector } from './levels.js';
import { Prediction, type Call, type EmbeddingInput, type Embeddings, type ModelRef, type PredictionInput } from './prediction.js';
import { answered, type Answered, type Plan } from './remembered.js';
import { textWork, workOf } from './work.js';

@Injectable()
export class InferenceService {
  constructor(
    private readonly models: ModelRegistry,
    private readonly cache: CacheService,
    private readonly features: Features,
  ) {}

  /**
   * Runs a model on tensors, texts or pictures, or remembers what came of it. What it returns may be shared: it is to be read only.
   * @param wanted names of the outputs to compute; all when empty.
   * @throws NestorError, see docs/lifecycle.md for the station at which each code leaves.
   */
  async predict({ name, version }: ModelRef, input: PredictionInput, wanted?: readonly string[], call: Call = {}): Promise<Prediction> {
    const model = this.models.resolve(name, version);
    const outputs = checkOutputs(model, wanted);
    const { values, timings, report } = await this.#answer(outputLevel, {
      model,
      call,
      outputs,
      work: workOf(model, input, this.features),
      circumstances: { outputs: outputs.toSorted() },
      valueOf: (parts: Parts) => parts,
      rowsOf: (parts) => parts.reduce((rows, [output]) => rows + (model.layout.batches ? (output?.shape[0] ?? 1) : 1), 0),
    });
    const parts = values.flat().map((tensors) => ordered(tensors, outputs));
    return new Prediction(model, parts, timings, report);
  }

  /**
   * One vector for each text, or list of token ids.
   * @param dimensions cuts the vectors to their first components and normalizes them again (Matryoshka embeddings).
   */
  async embed({ name, version }: ModelRef, inputs: readonly EmbeddingInput[], dimensions?: number, call: Call = {}): Promise<Embeddings> {
    const model = this.models.resolve(name, version);
    const { tokenizer, pooling, normalize } = model;
    if (model.task !== 'embeddings' || !tokenizer) throw invalid('model', `The model ${model.name} serves ${model.task}, not embeddings`);
    const output = vectorOutput(model);
    checkDimensions(output.shape.at(-1) ?? -1, dimensions);
    const { values, timings, report } = await this.#answer(embeddings, {
      model,
      call,
      outputs: [output.name],
      work: textWork(model, tokenizer, inputs, this.features),
      circumstances: { output: output.name, pooling, normalize, maxLength: tokenizer.maxLength },
      valueOf: ([tensors], length): Vector => ({ vector: vectorOf(model, tensors?.[0]), tokens: length }),
      rowsOf: () => 1,
    });
    return {
      model,
      vectors: values.map(({ vector }) => cut(vector, dimensions)),
      tokens: values.reduce((sum, { tokens }) => sum + tokens, 0),
      timings,
      cache: report,
    };
  }

  #answer<T>(level: Level<T>, plan: Plan<T>): Promise<Answered<T>> {
    return answered(this.cache, level, plan);
  }
}

function vectorOutput({ signature }: Model): TensorSpec {
  const output =
    signature.output('sentence_embedding') ?? signature.outputs.find(({ shape }) => shape.length === 3) ?? signature.outputs[0];
  if (!output) throw new NestorError('INFERENCE_FAILED', 'The model has no output');
  return output;
}

/** A text model puts out a vector, or one a token that has to be pooled. */
function vectorOf({ pooling, normalize }: Model, tensor: Tensor | undefined): Float32Array {
  if (!tensor) throw new Error('an item without output; this is a bug');
  if (tensor.shape.length !== 3) return Float32Array.from(tensor.data as Float32Array);
  const pooled = pool(tensor, pooling);
  return normalize ? normalized(pooled) : pooled;
}

function cut(vector: Float32Array, dimensions = Infinity): Float32Array {
  return dimensions < vector.length ? normalized(vector.subarray(0, dimensions)) : vector;
}

function checkDimensions(width: number, dimensions = 0): void {
  if (width !== -1 && dimensions > width)
    throw invalid('dimensions', `The model's vectors have ${width} dimensions; ${dimensions} cannot be had`);
}

function ordered(tensors: readonly Tensor[], names: readonly string[]): Tensor[] {
  return names.map((name) => tensors.find((tensor) => tensor.name === name)).filter((tensor) => tensor !== undefined);
}
