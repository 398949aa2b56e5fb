// Every code of the table in the words of text-embeddings-inference, with the status that its code gives it.
import { describe, expect, it } from '@jest/globals';
import { ERRORS, NestorError, type ErrorCode } from '../../errors.js';
import { EmptyInput, ERROR_TYPES, isTeiPath, teiError, teiStatus } from './tei-errors.js';

const worded = (error: NestorError) => [teiStatus(error), teiError(error).error_type];

describe('an error', () => {
  it.each([
    ['INVALID_REQUEST', 422, 'Validation'],
    ['PAYLOAD_TOO_LARGE', 413, 'Validation'],
    ['QUEUE_FULL', 429, 'Overloaded'],
    ['INFERENCE_FAILED', 424, 'Backend'],
    ['MODEL_NOT_FOUND', 404, 'Validation'],
    ['MODEL_NOT_READY', 503, 'Unhealthy'],
    ['WORKER_LOST', 503, 'Unhealthy'],
    ['INTERNAL', 500, 'Backend'],
  ] as const)('%s is %i %s', (code, status, type) => {
    expect(worded(new NestorError(code, 'why'))).toEqual([status, type]);
    expect(teiError(new NestorError(code, 'why'))).toEqual({ error: 'why', error_type: type });
  });

  it('for nothing to work on is 400 Empty', () => {
    expect(worded(new EmptyInput('inputs'))).toEqual([400, 'Empty']);
  });

  it('of any code has a type that its clients know', () => {
    for (const code of Object.keys(ERRORS)) expect(ERROR_TYPES).toContain(teiError(new NestorError(code as ErrorCode, '')).error_type);
  });
});

it('belongs to a path with or without a slash at its end', () => {
  expect(['/', '/embed', '/embed/', '/ping'].map(isTeiPath)).toEqual([true, true, true, true]);
  expect(['/v1/embeddings', '/embeds', '//', ''].map(isTeiPath)).toEqual([false, false, true, false]);
});
