// The path of a request in one place: look up, remember or compute: features, queue, run, join.
import { Injectable } from '@nestjs/common';
import { CacheService } from '../cache/cache.service.js';
import type { Level } from '../cache/level.js';
import { NestorError } from '../errors.js';
import type { PromptChoice } from '../features/prompts.js';
import type { Token } from '../features/tokenizer.js';
import type { Lease } from '../models/lease.js';
import { ModelManager, type ModelRef } from '../models/model-manager.js';
import { TenantMetrics } from '../telemetry/tenant-metrics.js';
import { Tenants } from '../tenants/tenants.js';
import type { Tensor } from '../tensor.js';
import { checkOutputs } from './check-inputs.js';
import {
  checkIds,
  pooledOf,
  tokenizerOf,
  tokenOutput,
  vectorOf,
  vectorOutput,
  type EmbeddingInput,
  type EmbedOptions,
} from './embedding.js';
import { Features } from './features.js';
import { bytesOfInput, bytesOfTexts, InputRoom, type InputPlace } from './input-room.js';
import { embeddings, outputs as outputLevel, type Parts, type Vector } from './levels.js';
import { Prediction, type Call, type Embeddings, type PredictionInput, type TokenEmbeddings } from './prediction.js';
import { answered, type Answered, type Plan } from './remembered.js';
import { embeddingWork, workOf, type Work } from './work.js';

/** Vectors of tokens for one request, as floats: more than any text has, less than hurts. */
const MOST_TOKEN_VECTOR_BYTES = 256 * 1024 * 1024;

@Injectable()
export class InferenceService {
  constructor(
    private readonly models: ModelManager,
    private readonly cache: CacheService,
    private readonly features: Features,
    private readonly tenants: Tenants,
    private readonly usage: TenantMetrics,
    private readonly room: InputRoom,
  ) {}

  /**
   * Runs a model on tensors, texts or pictures, or remembers what came of it. What it returns may be shared: it is to be read only.
   * @param wanted names of the outputs to compute; all when empty.
   * @throws NestorError, see docs/lifecycle.md for the station at which each code leaves.
   */
  async predict(ref: ModelRef, input: PredictionInput, wanted?: readonly string[], call: Call = {}): Promise<Prediction> {
    // As `using` would: what that is compiled to for older engines took 1 % of the event loop that a small request takes.
    const place = this.room.take(bytesOfInput(input));
    try {
      return await this.#predict(ref, input, wanted, call, place);
    } finally {
      place.leave();
    }
  }

  async #predict(
    ref: ModelRef,
    input: PredictionInput,
    wanted: readonly string[] | undefined,
    call: Call,
    place: InputPlace,
  ): Promise<Prediction> {
    const lease = await this.models.use(ref, call.deadline);
    try {
      const { model } = lease;
      const outputs = checkOutputs(model, wanted);
      const { values, timings, report } = await this.#answer(outputLevel, {
        model,
        call,
        place,
        outputs,
        work: workOf(model, input, this.features),
        circumstances: { outputs: outputs.toSorted() },
        valueOf: (parts: Parts) => parts,
        rowsOf: (parts) => parts.reduce((rows, [output]) => rows + (model.layout.batches ? (output?.shape[0] ?? 1) : 1), 0),
      });
      const parts = values.flat().map((tensors) => ordered(tensors, outputs));
      return new Prediction(model, parts, timings, report);
    } finally {
      lease.release();
    }
  }

  /** One vector for each text, or list of token ids. What it returns may be shared: it is to be read only. @throws NestorError */
  async embed(ref: ModelRef, inputs: readonly EmbeddingInput[], options: EmbedOptions = {}, call: Call = {}): Promise<Embeddings> {
    using place = this.room.take(bytesOfTexts(inputs));
    using lease = await this.#embedder(ref, call.deadline);
    const { model } = lease;
    const { pooling, includePrompt } = model;
    const output = vectorOutput(model, options);
    const work = embeddingWork(model, inputs, options, this.features);
    const prefix = includePrompt ? undefined : model.prompts.choose(options.prompt ?? {})?.prefix;
    const { values, timings, report } = await this.#answer(embeddings, {
      model,
      call,
      place,
      work,
      outputs: [output.name],
      circumstances: {
        output: output.name,
        pooling,
        maxLength: tokenizerOf(model).maxLength,
        cut: options.cut ?? 'right',
        skipped: prefix,
      },
      // As each text comes: the token vectors of 2,048 texts of 256 tokens are 800 MB, and take 900 ms to pool at once.
      keep: ([tensor], place) => [pooledOf(model, tensor, work.skipped(place))],
      valueOf: ([kept], tokens): Vector => ({ vector: kept?.[0]?.data as Float32Array, tokens }),
      rowsOf: () => 1,
    });
    return {
      model,
      vectors: values.map(({ vector }) => vectorOf(model, vector, output.shape.length === 3, options)),
      tokens: values.reduce((sum, { tokens }) => sum + tokens, 0),
      timings,
      cache: report,
    };
  }

  /** The vectors of all tokens of each text, special tokens included, as the graph puts them out; too large to be remembered. @throws NestorError */
  async embedTokens(
    ref: ModelRef,
    inputs: readonly EmbeddingInput[],
    options: EmbedOptions = {},
    call: Call = {},
  ): Promise<TokenEmbeddings> {
    using place = this.room.take(bytesOfTexts(inputs));
    using lease = await this.#embedder(ref, call.deadline);
    const { model } = lease;
    const output = tokenOutput(model);
    const most = Math.floor(MOST_TOKEN_VECTOR_BYTES / 4 / Math.max(1, output.shape.at(-1) ?? 1));
    const { values, timings } = await this.#answer(outputLevel, {
      model,
      call: { ...call, cache: 'bypass' },
      place,
      work: bounded(embeddingWork(model, inputs, options, this.features), most, call.cache),
      outputs: [output.name],
      circumstances: {},
      valueOf: (parts: Parts) => parts,
      rowsOf: () => 1,
    });
    const texts = values.flat(2);
    return { model, texts, tokens: texts.reduce((sum, { shape }) => sum + (shape[1] ?? 0), 0), timings };
  }

  /**
   * The model for a request that cannot be read without it; while it is loaded first, the body has its room among the inputs.
   * @param bytes of the body.
   * @throws NestorError
   */
  async lease(ref: ModelRef, bytes: number, deadline: number | undefined): Promise<Lease> {
    if (!this.models.sleeps(ref.name)) return this.models.use(ref, deadline);
    const place = this.room.take(bytes);
    try {
      return await this.models.use(ref, deadline);
    } finally {
      place.leave();
    }
  }

  /** The tokens of each text with its prompt, none cut off. @throws NestorError */
  async tokenize(ref: ModelRef, texts: readonly string[], prompt: PromptChoice, addSpecialTokens: boolean): Promise<Token[][]> {
    const place = this.room.take(bytesOfTexts(texts));
    try {
      return await this.#tokenize(ref, texts, prompt, addSpecialTokens);
    } finally {
      place.leave();
    }
  }

  async #tokenize(ref: ModelRef, texts: readonly string[], prompt: PromptChoice, addSpecialTokens: boolean): Promise<Token[][]> {
    using lease = await this.#embedder(ref);
    const { model } = lease;
    const tokenizer = tokenizerOf(model);
    const chosen = model.prompts.choose(prompt);
    const lists: Token[][] = [];
    for (const text of texts) lists.push(await tokenizer.tokenize(chosen ? chosen.apply(text) : text, addSpecialTokens));
    return lists;
  }

  /** The text of each list of token ids. @throws NestorError */
  async decode(ref: ModelRef, ids: readonly (readonly number[])[], skipSpecialTokens: boolean): Promise<string[]> {
    const place = this.room.take(bytesOfTexts(ids));
    try {
      return await this.#decode(ref, ids, skipSpecialTokens);
    } finally {
      place.leave();
    }
  }

  async #decode(ref: ModelRef, ids: readonly (readonly number[])[], skipSpecialTokens: boolean): Promise<string[]> {
    using lease = await this.#embedder(ref);
    const tokenizer = tokenizerOf(lease.model);
    ids.forEach((list, index) => {
      checkIds(list, tokenizer, `ids[${index}]`);
    });
    return await tokenizer.decode(ids, skipSpecialTokens);
  }

  /** @throws NestorError INVALID_REQUEST for models that do not embed. */
  async #embedder(ref: ModelRef, deadline?: number): Promise<Lease> {
    const lease = await this.models.use(ref, deadline);
    try {
      tokenizerOf(lease.model);
      return lease;
    } catch (thrown) {
      lease.release();
      throw thrown;
    }
  }

  #answer<T>(level: Level<T>, asked: Omit<Plan<T>, 'tenant'>): Promise<Answered<T>> {
    return answered(this.cache, this.usage, level, { ...asked, tenant: this.tenants.of(asked.call.tenant) });
  }
}

/**
 * @param cache what the client said of it: the answer is too large to be remembered, the ids of its tokens may be.
 * @throws NestorError PAYLOAD_TOO_LARGE for inputs of more tokens altogether.
 */
function bounded(work: Work, mostTokens: number, cache: Call['cache']): Work {
  const tensors: Work['tensors'] = async (places, waits) => {
    const made = await work.tensors(places, { ...waits, cache });
    const tokens = made.reduce((sum, [first]) => sum + (first?.shape[1] ?? 0), 0);
    if (tokens <= mostTokens) return made;
    const message = `The inputs have ${tokens} tokens; vectors of ${mostTokens} can be had at once. Send them in parts`;
    throw new NestorError('PAYLOAD_TOO_LARGE', message);
  };
  return { ...work, tensors };
}

function ordered(tensors: readonly Tensor[], names: readonly string[]): Tensor[] {
  return names.map((name) => tensors.find((tensor) => tensor.name === name)).filter((tensor) => tensor !== undefined);
}
