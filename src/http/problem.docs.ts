// How errors read in the OpenAPI document.
import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { ERRORS } from '../errors.js';

const PROBLEM = {
  type: 'object' as const,
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string' as const },
    title: { type: 'string' as const },
    status: { type: 'integer' as const },
    detail: { type: 'string' as const },
    code: { type: 'string' as const, enum: Object.keys(ERRORS) },
    field: { type: 'string' as const },
    instance: { type: 'string' as const },
  },
};

const OPENAI = {
  type: 'object' as const,
  required: ['error'],
  properties: {
    error: {
      type: 'object' as const,
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' as const },
        type: { type: 'string' as const },
        param: { type: ['string', 'null'] as never },
        code: { type: ['string', 'null'] as never },
      },
    },
  },
};

/** Errors as RFC 9457 problems. */
export const ApiProblems = (...statuses: number[]): MethodDecorator => describe(statuses, 'application/problem+json', PROBLEM);

/** The same with the member that clients of the Open Inference Protocol read. */
const OIP = {
  ...PROBLEM,
  required: [...PROBLEM.required, 'error'],
  properties: { ...PROBLEM.properties, error: { type: 'string' as const } },
};

/** How errors read where a route describes none itself. */
export function errorContent(path: string): object {
  return { 'application/problem+json': { schema: path.startsWith('/v2') ? OIP : PROBLEM } };
}

export const ApiOipErrors = (...statuses: number[]): MethodDecorator => describe(statuses, 'application/problem+json', OIP);

/** Errors in OpenAI's envelope. */
export const ApiOpenAiErrors = (...statuses: number[]): MethodDecorator => describe(statuses, 'application/json', OPENAI);

function describe(statuses: readonly number[], mediaType: string, schema: object): MethodDecorator {
  const meanings = Object.entries(ERRORS);
  return applyDecorators(
    ...statuses.map((status) => {
      const codes = meanings.filter(([, meaning]) => meaning.httpStatus === status).map(([code]) => code);
      return ApiResponse({ status, description: codes.join(', '), content: { [mediaType]: { schema } } });
    }),
  );
}
