// The client: what a server has and does.
import type { Health, ModelCard } from './description.js';
import { OCTET_STREAM, readVectors, writeEmbed, type EmbedInput } from './embeddings.js';
import { description, Model, type PredictOptions } from './model.js';
import type { Prediction, Predictions } from './prediction.js';
import type { AnySignature, Signature, TensorInputs } from './tensor.js';
import { Transport, type CallOptions, type ClientOptions } from './transport.js';

const JSON_TYPE = 'application/json';

export interface EmbedOptions extends CallOptions {
  readonly model: string;
  /** Cuts the vectors to their first dimensions and normalizes them again. */
  readonly dimensions?: number | undefined;
}

export interface VersionedPredictOptions extends PredictOptions {
  /** The newest by default. */
  readonly version?: string | undefined;
}

export class NestorClient {
  readonly #transport: Transport;

  /**
   * @param baseUrl where the server is, `http://localhost:8000`; the page's own origin when empty.
   * @throws NestorError INVALID_REQUEST for a URL that is none of HTTP.
   */
  constructor(baseUrl: string, options: ClientOptions = {}) {
    this.#transport = new Transport(baseUrl, options);
  }

  /** A model whose inputs and outputs have types: `client.model<{ pixels: 'FP32' }, { label: 'INT64' }>('digits')`. Sends nothing. */
  model<Inputs extends Signature<Inputs> = AnySignature, Outputs extends Signature<Outputs> = AnySignature, Row = unknown>(
    name: string,
    { version }: { readonly version?: string | undefined } = {},
  ): Model<Inputs, Outputs, Row> {
    return new Model(this.#transport, name, version);
  }

  /** {@link Model.predict} of a model by name. @throws NestorError */
  predict(model: string, inputs: TensorInputs<AnySignature>, options?: VersionedPredictOptions): Promise<Prediction>;
  predict(model: string, instances: readonly unknown[], options?: VersionedPredictOptions): Promise<Predictions>;
  async predict(
    name: string,
    input: TensorInputs<AnySignature> | readonly unknown[],
    options: VersionedPredictOptions = {},
  ): Promise<Prediction | Predictions> {
    const model = this.model(name, options);
    return Array.isArray(input) ? model.predict(input, options) : model.predict(input as TensorInputs<AnySignature>, options);
  }

  /**
   * One vector a text, in order: rows of one block `[texts, dimensions]`, which they share (`slice()` makes one independent).
   * @throws NestorError
   */
  async embed(texts: EmbedInput, { model, dimensions, ...call }: EmbedOptions): Promise<Float32Array[]> {
    const body = { type: JSON_TYPE, bytes: writeEmbed(model, texts, dimensions) };
    return readVectors(await this.#transport.send({ path: '/v1/embeddings', accept: OCTET_STREAM, body }, call), texts.length);
  }

  /** Everything that is served. @throws NestorError */
  async models(options: CallOptions = {}): Promise<readonly ModelCard[]> {
    const answer = await this.#transport.send({ path: '/v1/models', accept: JSON_TYPE }, options);
    return description<{ data: readonly ModelCard[] }>(answer, 'data').data;
  }

  /** Whether the server may be sent traffic; an answer, too, when it may not. @throws NestorError when there is none. */
  async health(options: CallOptions = {}): Promise<Health> {
    const answer = await this.#transport.send({ path: '/health', accept: JSON_TYPE, answers: [503] }, options);
    return { ready: answer.status !== 503, checks: description<{ details: Health['checks'] }>(answer, 'details').details };
  }
}
