// What text-embeddings-inference does, done by the embedding model that its routes serve.
import { Injectable } from '@nestjs/common';
import type { EmbeddingInput } from '../../inference/embedding.js';
import { InferenceService } from '../../inference/inference.service.js';
import type { Embeddings, TokenEmbeddings } from '../../inference/prediction.js';
import type { Tensor } from '../../tensor.js';
import type { Token } from '../../features/tokenizer.js';
import { vectorOf, type Numbers, type Part } from '../codecs/json-body.js';
import { envelope } from '../envelope.js';
import { charactersOf, comparedOf, idsOf, inputsOf, optionsOf, textsOf, vectorOptionsOf } from './tei-inputs.js';
import { TeiModel } from './tei-model.js';
import type { TeiRequest } from './tei.pipe.js';
import {
  SimilarityInput,
  TruncationBody,
  type DecodeBody,
  type EmbedAllBody,
  type EmbedBody,
  type SimilarityBody,
  type TokenizeBody,
} from './tei.dto.js';
import { listJson, type Computed } from './tei-answer.js';

@Injectable()
export class TeiService {
  constructor(
    private readonly inference: InferenceService,
    private readonly model: TeiModel,
  ) {}

  /** One vector an input: `number[][]`, also for a single one. */
  async embed({ body, call }: TeiRequest<EmbedBody>): Promise<Computed> {
    const inputs = inputsOf(body.inputs, 'inputs');
    const embeddings = await this.inference.embed(this.model.ref, inputs, vectorOptionsOf(body), call);
    return computed(embeddings, inputs, listJson(embeddings.vectors.map(vectorOf)));
  }

  /** One vector a token, neither pooled nor normalized: `number[][][]`. */
  async embedAll({ body, call }: TeiRequest<EmbedAllBody>): Promise<Computed> {
    const inputs = inputsOf(body.inputs, 'inputs');
    const embeddings = await this.inference.embedTokens(this.model.ref, inputs, optionsOf(body), call);
    return computed(embeddings, inputs, listJson(embeddings.texts.map(tokenVectors)));
  }

  /** The cosine of each sentence with the source: `number[]`. */
  async similarity({ body, call }: TeiRequest<SimilarityBody>): Promise<Computed> {
    const inputs = comparedOf(envelope(SimilarityInput, body.inputs, 'lenient'));
    const options = { ...optionsOf(envelope(TruncationBody, body.parameters ?? {}, 'lenient')), normalize: true };
    const embeddings = await this.inference.embed(this.model.ref, inputs, options, call);
    const [first = new Float32Array(), ...others] = embeddings.vectors;
    return computed(embeddings, inputs, [vectorOf(Float32Array.from(others, (other) => dot(first, other)))]);
  }

  /** The tokens of each text: `Token[][]`, with places in bytes. */
  async tokenize({ body }: TeiRequest<TokenizeBody>): Promise<Token[][]> {
    const { inputs, add_special_tokens: special = true, prompt_name: name } = body;
    return this.inference.tokenize(this.model.ref, textsOf(inputs), { name }, special);
  }

  /** The text of each list of token ids: `string[]`. */
  async decode({ body }: TeiRequest<DecodeBody>): Promise<string[]> {
    return this.inference.decode(this.model.ref, idsOf(body.ids), body.skip_special_tokens ?? true);
  }
}

function computed(
  { model, tokens, timings }: Embeddings | TokenEmbeddings,
  inputs: readonly EmbeddingInput[],
  json: Iterable<Part>,
): Computed {
  return { model, tokens, timings, json, characters: charactersOf(inputs) };
}

/** The rows of `[1, tokens, d]`. */
function tokenVectors({ datatype, shape, data }: Tensor): Numbers {
  return { datatype, shape: shape.slice(1), data };
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}
