// How the predict routes read in the OpenAPI document.
import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOkResponse, ApiOperation, ApiParam, ApiQuery } from '@nestjs/swagger';
import { LONGEST_SECONDS } from './call.js';
import { DIGIT, SILERO_ZEROS } from './docs-examples.js';
import { EveryFormat, TensorHeaders } from './formats.docs.js';
import { PredictBody } from './dto/predict.dto.js';
import { ApiProblems } from './problem.docs.js';

export const CallHeaders = (): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: 'Request-Timeout',
      required: false,
      description: 'Seconds until the answer is worthless; then 504.',
      schema: { type: 'number', exclusiveMinimum: 0, maximum: LONGEST_SECONDS } as object,
    }),
    ApiHeader({
      name: 'Priority',
      required: false,
      description: 'Urgency as in RFC 9218, from `u=0` (first) to `u=7` (last).',
      schema: { type: 'string', default: 'u=3' },
    }),
  );

export function DescribePredict(summary: string, versioned = false): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary }),
    ApiParam({ name: 'model', schema: { type: 'string', example: 'digits' } }),
    ...(versioned ? [ApiParam({ name: 'version', schema: { type: 'string', example: '1' } })] : []),
    ApiQuery({
      name: 'outputs',
      required: false,
      description: 'Names of the outputs to compute, with commas between them, for formats that have no place for it.',
      schema: { type: 'string' },
    }),
    CallHeaders(),
    EveryFormat('Prediction'),
    TensorHeaders(),
    ApiBody({
      type: PredictBody,
      examples: {
        instances: { summary: 'digits: one instance', value: { instances: [DIGIT] } },
        tensors: { summary: 'digits: a named tensor', value: { inputs: { pixels: { shape: [1, 64], datatype: 'FP32', data: DIGIT } } } },
        outputs: { summary: 'digits: one output of two', value: { inputs: { pixels: [DIGIT] }, outputs: ['label'] } },
        audio: { summary: 'silero-vad: several inputs, a scalar', value: SILERO_ZEROS },
      },
    }),
    ApiOkResponse({
      description: '`predictions` for instances, `outputs` for named tensors.',
      schema: {
        type: 'object',
        required: ['model', 'version'],
        properties: {
          id: { type: 'string' },
          model: { type: 'string' },
          version: { type: 'string' },
          predictions: { type: 'array', items: {} },
          outputs: {
            type: 'object',
            additionalProperties: {
              type: 'object',
              properties: {
                datatype: { type: 'string' },
                shape: { type: 'array', items: { type: 'integer' } },
                data: { type: 'array', items: {} },
              },
            },
          },
        },
      },
    }),
    ApiProblems(400, 404, 406, 413, 415, 429, 500, 503, 504),
  );
}
