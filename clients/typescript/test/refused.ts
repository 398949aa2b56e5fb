// What a server says of a request that it refuses, and what its caller is told.
import { NestorError } from '../src/main.js';
import type { Reply } from './stub.js';

export const MODELS: Reply = { body: JSON.stringify({ object: 'list', data: [{ id: 'digits' }] }) };
export const problem = (status: number, code: string, headers = {}): Reply => ({
  status,
  headers: { 'Content-Type': 'application/problem+json', 'X-Request-Id': 'abc', ...headers },
  body: JSON.stringify({ title: 'A title', status, detail: 'Do this', code, field: 'inputs.x' }),
});

/** What a call throws. */
export async function failure(call: Promise<unknown>): Promise<NestorError> {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof NestorError)) throw new Error('no NestorError', { cause: thrown });
  return thrown;
}
