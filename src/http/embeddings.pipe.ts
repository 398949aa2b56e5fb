// An embeddings request: OpenAI's JSON -> what `inference/` understands.
import { Injectable, type PipeTransform } from '@nestjs/common';
import { invalid } from '../errors.js';
import type { EmbeddingInput } from '../inference/inference.service.js';
import type { Call, ModelRef } from '../inference/prediction.js';
import { callOf } from './call.js';
import { parseJson } from './codecs/json-text.js';
import { EmbeddingsBody } from './dto/embeddings.dto.js';
import { envelope } from './envelope.js';
import { requireJson } from './media-type.js';
import { ExchangeParam, type Exchange } from './predict.pipe.js';

export interface EmbeddingsRequest {
  readonly ref: ModelRef;
  readonly inputs: readonly EmbeddingInput[];
  readonly format: 'float' | 'base64';
  readonly dimensions: number | undefined;
  readonly call: Call;
}

@Injectable()
export class EmbeddingsPipe implements PipeTransform<Exchange, EmbeddingsRequest> {
  transform({ request, reply }: Exchange): EmbeddingsRequest {
    requireJson(request);
    const body = envelope(EmbeddingsBody, parseJson(request.body as Buffer | undefined, false));
    return {
      ref: { name: body.model },
      inputs: inputsOf(body.input),
      format: body.encoding_format ?? 'float',
      dimensions: body.dimensions,
      call: callOf(request, reply),
    };
  }
}

export const EmbeddingsParam = (): ParameterDecorator => ExchangeParam(EmbeddingsPipe);

/** A list of numbers is the ids of one text, anything else in a list is an input of its own. */
function inputsOf(input: unknown): EmbeddingInput[] {
  if (!Array.isArray(input)) return [inputOf(input, 'input')];
  if (input.length === 0) throw invalid('input', 'input is empty');
  if (typeof input[0] === 'number') return [inputOf(input, 'input')];
  return input.map((one, index) => inputOf(one, `input[${index}]`));
}

function inputOf(input: unknown, field: string): EmbeddingInput {
  if (typeof input === 'string') {
    if (input === '') throw invalid(field, `${field} is an empty text`);
    return input;
  }
  if (!Array.isArray(input)) throw invalid(field, `${field} must be a text or a list of token ids`);
  if (input.length === 0) throw invalid(field, `${field} is an empty list of token ids`);
  if (!input.every((id) => Number.isInteger(id))) throw invalid(field, `${field} must hold token ids only, whole numbers`);
  return input as number[];
}
