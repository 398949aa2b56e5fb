// A prediction request: bytes and headers -> what `inference/` understands, and the format of the answer.
import { Injectable, type PipeTransform } from '@nestjs/common';
import { invalid, NestorError } from '../errors.js';
import { scoresOutput } from '../models/scores-output.js';
import { InferenceService } from '../inference/inference.service.js';
import type { Call, Prediction, PredictionInput } from '../inference/prediction.js';
import type { ModelRef } from '../models/model-manager.js';
import type { Model } from '../models/model.js';
import { releaseBlock } from '../oip/block.js';
import { callOf, deadlineOf } from './call.js';
import type { PredictionQuery } from './codecs/codec.js';
import { decoderFor, encodersFor, type Encoder } from './codecs/registry.js';
import { severalOutputs } from './codecs/single-tensor.js';
import { bytesOfBody, deliver, ExchangeParam, untilClosed, type Delivered, type Exchange } from './exchange.js';

export interface PredictRequest {
  readonly ref: ModelRef;
  readonly input: PredictionInput;
  /** Names of the outputs to compute; all when undefined. */
  readonly outputs: readonly string[] | undefined;
  readonly call: Call;
  /** Puts the answer on its way, in the format that was chosen. */
  readonly answer: (prediction: Prediction) => Delivered;
}

@Injectable()
export class PredictPipe implements PipeTransform<Exchange, Promise<PredictRequest>> {
  constructor(private readonly inference: InferenceService) {}

  async transform(exchange: Exchange): Promise<PredictRequest> {
    const { request, reply } = exchange;
    const { model: name = '', version } = request.params as { model?: string; version?: string };
    const { headers } = request;
    const decoder = decoderFor('Prediction', headers['content-type']);
    const encoders = encodersFor('Prediction', headers.accept, decoder);
    const bytes = bytesOfBody(request);
    const { model, release } = await this.inference.lease({ name, version }, bytes.byteLength, deadlineOf(request, reply));
    untilClosed(reply, release);
    const query = await decoder.decodePrediction({ bytes, headers }, model);
    if (query.input.kind === 'tensors') releaseBlock(bytes, query.input.tensors);
    const named = query.outputs?.length ? query.outputs : outputsOf(request.query);
    const outputs = named ? [...new Set(named)] : outputsOfTask(model, query);
    const encoder = encoderFor(encoders, outputs ?? model.signature.outputs.map((output) => output.name));
    const answer = (prediction: Prediction): Delivered =>
      deliver(exchange, prediction, encoder.encodePrediction(prediction, query), encoder.mediaTypes[0]);
    return { ref: { name, model }, input: query.input, outputs, call: callOf(request, reply), answer };
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
  const scores = byInstance ? scoresOutput(model.signature, model.labels) : undefined;
  return scores && [scores.name];
}

/** @throws NestorError NOT_ACCEPTABLE when all that the client accepts carries one tensor and there are several. */
function encoderFor(encoders: readonly Encoder<'Prediction'>[], outputs: readonly string[]): Encoder<'Prediction'> {
  const encoder = encoders.find(({ singleOutput = false }) => !singleOutput || outputs.length === 1);
  if (!encoder) throw new NestorError('NOT_ACCEPTABLE', severalOutputs(outputs), { field: 'Accept' });
  return encoder;
}
