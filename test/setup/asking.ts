// Predictions that are told apart by a number, and what the cache had to do with them.
import { expect } from '@jest/globals';
import { post } from './client.js';
import { inParallel } from './load.js';
import type { Server } from './server.js';

export interface Said {
  /** X-Cache. */
  readonly cache: string | null;
  readonly text: string;
}

/** The prediction for a picture of digits whose first pixel has this value. */
export async function ask(server: Server, number: number, headers: Record<string, string> = {}): Promise<Said> {
  const pixels = Array.from({ length: 64 }, (_, index) => (index === 0 ? number : index % 16));
  const answer = await post(`${server.url}/v1/models/digits/predict`, { instances: [pixels] }, headers);
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return { cache: answer.headers.get('x-cache'), text: answer.text };
}

/** Asks for so many numbers from one on, a few at a time; every one must be answered. */
export function askMany(server: Server, from: number, count: number): Promise<Said[]> {
  const numbers = Array.from({ length: count }, (_, index) => from + index);
  return inParallel(numbers, 4, (number) => ask(server, number));
}
