// A prediction request: bytes and headers -> what `inference/` understands, and the format of the answer.
import { Injectable, type PipeTransform } from '@nestjs/common';
import { invalid, NestorError } from '../errors.js';
import { scoresOutput } from '../inference/classification.js';
import type { Call } from '../inference/prediction.js';
import { ModelManager, type ModelRef } from '../models/model-manager.js';
import type { Model } from '../models/model.js';
import { callOf } from './call.js';
import type { PredictionQuery } from './codecs/codec.js';
import { decoderFor, encodersFor, type Encoder } from './codecs/registry.js';
import { severalOutputs } from './codecs/single-tensor.js';
import { bytesOfBody, ExchangeParam, releaseBody, untilClosed, type Exchange } from './exchange.js';

export interface PredictRequest extends PredictionQuery {
  readonly ref: ModelRef;
  readonly call: Call;
  readonly encoder: Encoder<'Prediction'>;
}

@Injectable()
export class PredictPipe implements PipeTransform<Exchange, Promise<PredictRequest>> {
  constructor(private readonly models: ModelManager) {}

  async transform({ request, reply }: Exchange): Promise<PredictRequest> {
    const { model: name = '', version } = request.params as { model?: string; version?: string };
    const { headers } = request;
    const decoder = decoderFor('Prediction', headers['content-type']);
    const encoders = encodersFor('Prediction', headers.accept, decoder);
    const { model, release } = await this.models.use({ name, version });
    untilClosed(reply, release);
    const bytes = bytesOfBody(request);
    const query = await decoder.decodePrediction({ bytes, headers }, model);
    if (query.input.kind === 'tensors') releaseBody(bytes, query.input.tensors);
    const outputs = query.outputs ?? outputsOf(request.query) ?? outputsOfTask(model, query);
    const encoder = encoderFor(encoders, outputs ?? model.signature.outputs.map((output) => output.name));
    return { ...query, ref: { name, model }, outputs, call: callOf(request, reply), encoder };
  }
}

/** The prediction request that the exchange carries. */
export const Predict = (): ParameterDecorator => ExchangeParam(PredictPipe);

/** `?outputs=label,scores`, for formats that have no place for it. */
function outputsOf(query: unknown): string[] | undefined {
  const { outputs } = query as { outputs?: unknown };
  if (outputs === undefined) return undefined;
  if (typeof outputs !== 'string') throw invalid('outputs', 'outputs is given once: names with commas between them');
  return outputs.split(',').map((name) => name.trim());
}

/** Whoever counts in instances wants their classes, where there are classes. */
function outputsOfTask(model: Model, { byInstance }: PredictionQuery): string[] | undefined {
  const scores = byInstance ? scoresOutput(model) : undefined;
  return scores && [scores.name];
}

/** @throws NestorError NOT_ACCEPTABLE when all that the client accepts carries one tensor and there are several. */
function encoderFor(encoders: readonly Encoder<'Prediction'>[], outputs: readonly string[]): Encoder<'Prediction'> {
  const encoder = encoders.find(({ singleOutput = false }) => !singleOutput || outputs.length === 1);
  if (!encoder) throw new NestorError('NOT_ACCEPTABLE', severalOutputs(outputs), { field: 'Accept' });
  return encoder;
}
