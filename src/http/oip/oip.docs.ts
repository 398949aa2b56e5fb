// How the routes of the Open Inference Protocol read in the OpenAPI document.
import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import { DIGIT } from '../docs-examples.js';
import { CallHeaders } from '../predict.docs.js';
import { ApiOipErrors } from '../problem.docs.js';
import { HEADER_LENGTH } from './infer-body.js';

const TENSOR = {
  type: 'object' as const,
  required: ['name', 'shape', 'datatype'],
  properties: {
    name: { type: 'string' as const },
    shape: { type: 'array' as const, items: { type: 'integer' as const } },
    datatype: { type: 'string' as const },
    parameters: { type: 'object' as const, additionalProperties: true },
    data: { type: 'array' as const, items: {} },
  },
};

const OUTPUT = {
  type: 'object' as const,
  required: ['name'],
  properties: { name: { type: 'string' as const }, parameters: { type: 'object' as const, additionalProperties: true } },
};

const ANSWER = {
  type: 'object' as const,
  required: ['model_name', 'outputs'],
  properties: {
    model_name: { type: 'string' as const },
    model_version: { type: 'string' as const },
    id: { type: 'string' as const },
    outputs: { type: 'array' as const, items: TENSOR },
  },
};

export const ModelPath = (versioned: boolean): MethodDecorator =>
  applyDecorators(
    ApiParam({ name: 'model', schema: { type: 'string', example: 'digits' } }),
    ...(versioned ? [ApiParam({ name: 'version', schema: { type: 'string', example: '1' } })] : []),
  );

export function DescribeModel(summary: string, versioned: boolean): MethodDecorator {
  return applyDecorators(ApiOperation({ summary }), ModelPath(versioned), ApiOkResponse({ description: summary }), ApiOipErrors(404, 503));
}

export function DescribeInfer(versioned: boolean): MethodDecorator {
  return applyDecorators(
    ApiOperation({
      summary: 'Infer',
      description:
        'JSON, or JSON with the bytes of tensors behind it (the binary tensor data extension), whatever the Content-Type. `timeout` (µs) and `priority` (1 first) are understood as parameters.',
    }),
    ModelPath(versioned),
    CallHeaders(),
    ApiHeader({
      name: HEADER_LENGTH,
      required: false,
      description: 'Length of the JSON where tensors follow it; 0 where the body is the one tensor of the model.',
      schema: { type: 'integer', minimum: 0 },
    }),
    ApiBody({
      schema: {
        type: 'object',
        required: ['inputs'],
        properties: {
          id: { type: 'string' },
          parameters: { type: 'object', additionalProperties: true },
          inputs: { type: 'array', items: TENSOR },
          outputs: { type: 'array', items: OUTPUT },
        },
      },
      examples: {
        digits: {
          summary: 'digits: one row',
          value: { id: '1', inputs: [{ name: 'pixels', shape: [1, 64], datatype: 'FP32', data: DIGIT }], outputs: [{ name: 'label' }] },
        },
      },
    }),
    ApiOkResponse({
      description: 'The outputs; JSON, or JSON with the bytes of those behind it that were asked for so.',
      headers: {
        [HEADER_LENGTH]: { description: 'With application/octet-stream: length of the JSON.', schema: { type: 'integer' } },
      },
      content: { 'application/json': { schema: ANSWER }, 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
    }),
    ApiOipErrors(400, 404, 406, 413, 415, 429, 500, 501, 503, 504),
  );
}
