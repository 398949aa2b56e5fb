// A prediction request: bytes and headers -> what `inference/` understands.
import { createParamDecorator, Injectable, type ExecutionContext, type PipeTransform } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { invalid } from '../errors.js';
import { scoresOutput } from '../inference/classification.js';
import type { Call, ModelRef, PredictionInput } from '../inference/prediction.js';
import { ModelRegistry } from '../models/model-registry.js';
import type { Model } from '../models/model.js';
import { callOf } from './call.js';
import { parseJson } from './codecs/json-text.js';
import { tensorFromJson, tensorFromRows } from './codecs/json-tensors.js';
import { PredictBody } from './dto/predict.dto.js';
import { envelope } from './envelope.js';
import { requireJson } from './media-type.js';

export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export interface PredictRequest {
  readonly ref: ModelRef;
  readonly input: PredictionInput;
  readonly outputs: readonly string[] | undefined;
  readonly call: Call;
  /** Whether the answer is `predictions`, one an instance, or `outputs` by name. */
  readonly byInstance: boolean;
  readonly id: string | undefined;
}

const exchange = createParamDecorator((_: unknown, context: ExecutionContext): Exchange => {
  const http = context.switchToHttp();
  return { request: http.getRequest(), reply: http.getResponse() };
});

@Injectable()
export class PredictPipe implements PipeTransform<Exchange, PredictRequest> {
  constructor(private readonly models: ModelRegistry) {}

  transform({ request, reply }: Exchange): PredictRequest {
    const { model: name = '', version } = request.params as { model?: string; version?: string };
    requireJson(request);
    const model = this.models.resolve(name, version);
    const body = request.body as Buffer | undefined;
    const exact = model.signature.inputs.some(({ datatype }) => datatype.endsWith('INT64'));
    const { inputs, instances, outputs, id } = envelope(PredictBody, parseJson(body, exact));
    if ((inputs === undefined) === (instances === undefined)) throw invalid('inputs', 'Send either inputs or instances');
    const maxElements = (body?.byteLength ?? 0) / 2 + 1;
    const input = inputs ? tensorsOf(inputs, model, maxElements) : instancesOf(instances ?? [], model, maxElements);
    // Whoever sends instances wants their classes, where there are classes.
    const classes = instances && !outputs ? scoresOutput(model) : undefined;
    return {
      ref: { name, version: model.version },
      input,
      outputs: classes ? [classes.name] : outputs,
      call: callOf(request, reply),
      byInstance: instances !== undefined,
      id,
    };
  }
}

/** The prediction request that the exchange carries. */
export const Predict = (): ParameterDecorator => exchange(PredictPipe);
export { exchange as ExchangeParam };

function tensorsOf(inputs: Record<string, unknown>, { signature }: Model, maxElements: number): PredictionInput {
  const tensors = Object.entries(inputs).map(([name, value]) => {
    const spec = signature.input(name);
    if (!spec) {
      const known = signature.inputs.map((input) => input.name).join(', ');
      throw invalid(`inputs.${name}`, `The model has no input ${JSON.stringify(name)}; its inputs are ${known}`);
    }
    return tensorFromJson(value, spec, `inputs.${name}`, maxElements);
  });
  return { kind: 'tensors', tensors };
}

function instancesOf(instances: readonly unknown[], model: Model, maxElements: number): PredictionInput {
  if (instances.length === 0) throw invalid('instances', 'instances is empty');
  if (model.image) return { kind: 'images', images: instances.map(imageOf) };
  if (model.tokenizer) return { kind: 'texts', texts: instances.map(textOf) };
  const { inputs } = model.signature;
  if (!model.layout.batches)
    throw invalid('instances', `The model does not batch rows; send inputs: ${inputs.map(({ name }) => name).join(', ')}`);
  const [only] = inputs;
  if (only && inputs.length === 1)
    return {
      kind: 'tensors',
      tensors: [
        tensorFromRows(
          instances.map((row) => valuesOf(row, only.name)),
          only,
          maxElements,
        ),
      ],
    };
  return {
    kind: 'tensors',
    tensors: inputs.map((spec) =>
      tensorFromRows(
        instances.map((row, index) => fieldOf(row, index, spec.name)),
        spec,
        maxElements,
      ),
    ),
  };
}

function imageOf(instance: unknown, index: number): Uint8Array {
  const image = typeof instance === 'object' && instance !== null ? (instance as { image?: unknown }).image : undefined;
  if (typeof image !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(image))
    throw invalid(`instances[${index}].image`, 'An instance is { "image": "<base64 of a PNG, JPEG or WebP>" }');
  return Buffer.from(image, 'base64');
}

function textOf(instance: unknown, index: number): string {
  if (typeof instance !== 'string') throw invalid(`instances[${index}]`, 'An instance is a text');
  return instance;
}

/** A row of a model with one input may name it or not. */
function valuesOf(row: unknown, name: string): unknown {
  return typeof row === 'object' && row !== null && Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : row;
}

function fieldOf(row: unknown, index: number, name: string): unknown {
  if (typeof row !== 'object' || row === null || !Object.hasOwn(row, name))
    throw invalid(`instances[${index}].${name}`, `The instance lacks the input ${name}`);
  return (row as Record<string, unknown>)[name];
}
