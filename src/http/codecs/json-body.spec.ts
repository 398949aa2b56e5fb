// Bodies of JSON: the bits of every float32, however many there are and whatever stands between them.
import { text } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Embeddings } from '../../inference/prediction.js';
import { jsonBody, jsonText, vectorOf, type Part } from './json-body.js';
import { jsonCodec } from './json.codec.js';

async function parsed(body: unknown): Promise<unknown> {
  return JSON.parse(typeof body === 'string' ? body : await text(body as Readable));
}

const floats = fc
  .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 3000 })
  .map((values) => Float32Array.from(values));

describe('a body of JSON', () => {
  it('has the bits of every float32, in one piece or in many', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(floats, { maxLength: 8, size: 'max' }), fc.string(), async (vectors, between) => {
        const parts: Part[] = [
          '{"vectors":[0',
          ...vectors.flatMap((vector) => [',', vectorOf(vector)]),
          `],"text":${JSON.stringify(between)}}`,
        ];
        for (const body of [jsonBody(parts), jsonText(parts)]) {
          const { vectors: read, text: beside } = (await parsed(body)) as { vectors: [0, ...number[][]]; text: string };
          expect(beside).toBe(between);
          expect(read.slice(1).map((vector) => Float32Array.from(vector as number[]))).toEqual(vectors);
        }
      }),
      { numRuns: 20 },
    );
  });

  it.each(['float', 'base64'] as const)('gives the vectors of texts bit by bit, one or thousands, as %s', async (format) => {
    for (const count of [1, 2, 1000]) {
      const vectors = Array.from({ length: count }, (_, row) => Float32Array.from({ length: 32 }, (_, i) => Math.sin(row * 32 + i)));
      const embeddings = { vectors, tokens: 7, model: { name: 'ü"m' } } as unknown as Embeddings;
      const query = { model: 'm', inputs: [], format, dimensions: undefined, prompt: {} };
      const body = jsonCodec.encodeEmbeddings?.(embeddings, query).body;
      expect(body instanceof Readable).toBe(count === 1000);
      const { data, ...rest } = (await parsed(body)) as { data: { object: string; index: number; embedding: number[] | string }[] };
      expect(rest).toEqual({ object: 'list', model: 'ü"m', usage: { prompt_tokens: 7, total_tokens: 7 } });
      expect(data.map(({ object, index }) => [object, index])).toEqual(vectors.map((_, index) => ['embedding', index]));
      expect(data.map(({ embedding }) => bitsOf(embedding))).toEqual(vectors);
    }
  });

  it.each([NaN, Infinity, -Infinity])('refuses a vector with %p, which base64 can carry', async (odd) => {
    const vectors = [Float32Array.of(1, 2), Float32Array.of(3, odd)];
    const embeddings = { vectors, tokens: 7, model: { name: 'm' } } as unknown as Embeddings;
    const encode = (format: 'float' | 'base64') =>
      jsonCodec.encodeEmbeddings?.(embeddings, { model: 'm', inputs: [], format, dimensions: undefined, prompt: {} }).body;
    expect(() => encode('float')).toThrow(expect.objectContaining({ code: 'NOT_ACCEPTABLE', field: 'embedding' }));
    const { data } = (await parsed(encode('base64'))) as { data: { embedding: string }[] };
    expect(data.map(({ embedding }) => bitsOf(embedding))).toEqual(vectors);
  });

  it('has null for what JSON cannot carry, unless that was refused before', async () => {
    const parts = [vectorOf(Float32Array.of(1, NaN, -Infinity, Infinity))];
    await expect(parsed(jsonBody(parts))).resolves.toEqual([1, null, null, null]);
    const halves = { datatype: 'FP16' as const, shape: [2], data: Float16Array.of(NaN, 0.5) };
    await expect(parsed(jsonBody([halves]))).resolves.toEqual([null, 0.5]);
  });
});

function bitsOf(embedding: number[] | string): Float32Array {
  if (typeof embedding !== 'string') return Float32Array.from(embedding);
  return new Float32Array(Uint8Array.from(Buffer.from(embedding, 'base64')).buffer);
}
