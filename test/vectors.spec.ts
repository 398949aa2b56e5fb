// The vectors of 200 real sentences are those of a Python onnxruntime run, whatever company they travel in.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { post } from './setup/client.js';
import { distance, MINILM, sentences } from './setup/fixtures.js';
import { inParallel } from './setup/load.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';

const TOLERANCE = 1e-5;
const all = sentences();

let server: Server;
beforeAll(async () => {
  server = await Server.start({ MODEL_REPOSITORY: await copied({ [MINILM]: shipped(MINILM) }), CACHE: 'off' });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

async function embed(input: string | readonly string[]): Promise<number[][]> {
  const { status, body } = await post(`${server.url}/v1/embeddings`, { model: MINILM, input });
  expect(status).toBe(200);
  return (body as { data: { embedding: number[] }[] }).data.map(({ embedding }) => embedding);
}

/** The sentences whose vector is not the expected one. */
function strays(vectors: readonly number[][]): string[] {
  expect(vectors).toHaveLength(all.length);
  return all.filter(({ vector }, index) => distance(vectors[index] ?? [], vector) > TOLERANCE).map(({ text }) => text);
}

it('alone', async () => {
  const vectors = await inParallel(all, 1, ({ text }) => embed(text));
  expect(strays(vectors.flat())).toEqual([]);
});

it('in arrays of 64', async () => {
  const arrays = [0, 64, 128, 192].map((from) => all.slice(from, from + 64).map(({ text }) => text));
  const vectors = await inParallel(arrays, 1, embed);
  expect(strays(vectors.flat())).toEqual([]);
});

it('from 32 clients at once', async () => {
  const vectors = await inParallel(all, 32, ({ text }) => embed(text));
  expect(strays(vectors.flat())).toEqual([]);
});
