// One model of the server, by name, with the types that its user says it has.
import type { Answer } from './answer.js';
import type { ModelDetails } from './description.js';
import { NestorError } from './error.js';
import {
  MSGPACK,
  readPrediction,
  readPredictions,
  writePrediction,
  type PredictInput,
  type Prediction,
  type Predictions,
} from './prediction.js';
import type { AnySignature, Signature, TensorInputs } from './tensor.js';
import type { CallOptions, Transport } from './transport.js';

export interface PredictOptions<Name extends PropertyKey = string> extends CallOptions {
  /** The outputs to compute; all by default. */
  readonly outputs?: readonly Name[] | undefined;
}

/**
 * @typeParam Inputs datatypes by name: `{ pixels: 'FP32' }`
 * @typeParam Outputs the same
 * @typeParam Row what the model says of an instance, such as {@link Classification}
 */
export class Model<Inputs extends Signature<Inputs> = AnySignature, Outputs extends Signature<Outputs> = AnySignature, Row = unknown> {
  readonly #path: string;

  constructor(
    private readonly transport: Transport,
    readonly name: string,
    readonly version?: string,
  ) {
    this.#path = `/v1/models/${segment(name, 'model')}`;
    if (version !== undefined) segment(version, 'version');
  }

  /**
   * Named tensors in, named tensors out, as typed arrays over MsgPack.
   * @throws NestorError
   */
  predict<Name extends keyof Outputs = keyof Outputs>(
    inputs: TensorInputs<Inputs>,
    options?: PredictOptions<Name>,
  ): Promise<Prediction<Pick<Outputs, Name>>>;
  /**
   * An array of instances: rows (arrays, or objects of arrays by input), texts, or pictures as `{ image: Blob | Uint8Array }`.
   * @throws NestorError
   */
  predict(instances: readonly unknown[], options?: PredictOptions<keyof Outputs>): Promise<Predictions<Row>>;
  async predict(input: PredictInput, options: PredictOptions<PropertyKey> = {}): Promise<Prediction | Predictions> {
    const outputs = options.outputs?.map(String);
    const version = this.version === undefined ? '' : `/versions/${segment(this.version, 'version')}`;
    const body = { type: MSGPACK, bytes: await writePrediction(input, outputs) };
    const answer = await this.transport.send({ path: `${this.#path}${version}/predict`, accept: MSGPACK, body }, options);
    return Array.isArray(input) ? readPredictions(answer, input.length) : readPrediction(answer, outputs);
  }

  /** The task, the versions, the signature of the newest. @throws NestorError */
  async describe(options: CallOptions = {}): Promise<ModelDetails> {
    return description<ModelDetails>(await this.transport.send({ path: this.#path, accept: 'application/json' }, options), 'inputs');
  }
}

/** The document of a description. @throws NestorError INVALID_ANSWER where it lacks the member that every one has. */
export function description<T>(answer: Answer, member: keyof T & string): T {
  answer.expectType('application/json');
  const document = answer.json();
  if (document[member] === undefined) throw answer.invalid(`it lacks ${member}`, member);
  return document as T;
}

/** @throws NestorError INVALID_REQUEST for what a URL would take for a step up. */
function segment(text: string, field: string): string {
  if (['', '.', '..'].includes(text)) throw new NestorError('INVALID_REQUEST', `${JSON.stringify(text)} names no ${field}`, { field });
  return encodeURIComponent(text);
}
