// Before a server is measured: does it give the right answers? A fast wrong one must not enter the table.
import { nth } from './cycle.ts';
import { embeddingBody, type Bodies } from './texts.ts';
import { postJson } from './load/http.ts';

const CLOSE_ENOUGH = 0.9999;

interface EmbeddingsAnswer {
  data: { embedding: number[] }[];
}

/** The vector of one text. */
export async function embedOne(url: string, text: string): Promise<number[]> {
  const { status, body } = await postJson(`${url}/v1/embeddings`, embeddingBody(text));
  if (status !== 200) throw new Error(`/v1/embeddings answers ${status}: ${body.toString().slice(0, 500)}`);
  // A batched route of BentoML can answer with a list only.
  const parsed = JSON.parse(body.toString()) as EmbeddingsAnswer | EmbeddingsAnswer[];
  const vector = (Array.isArray(parsed) ? parsed[0] : parsed)?.data[0]?.embedding;
  if (!vector) throw new Error(`/v1/embeddings answers without a vector: ${body.toString().slice(0, 500)}`);
  return vector;
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    dot += (a[index] ?? NaN) * (b[index] ?? NaN);
    squaresA += (a[index] ?? NaN) ** 2;
    squaresB += (b[index] ?? NaN) ** 2;
  }
  return dot / Math.sqrt(squaresA * squaresB);
}

/** The same vector, but for the rounding of another batch shape. */
export function isSameVector(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return cosine(a, b) >= CLOSE_ENOUGH;
}

/** Throws what is wrong. */
export async function checkAnswers(
  url: string,
  texts: readonly string[],
  vectors: Iterable<readonly number[]>,
  bodies: Bodies,
): Promise<void> {
  let index = 0;
  for (const expected of vectors) {
    const text = nth(texts, index++);
    if (!isSameVector(await embedOne(url, text), expected)) throw new Error(`another vector than ONNX Runtime's for ${text}`);
  }
  const { status, body } = await postJson(`${url}/v1/models/digits/predict`, nth(bodies.digits, 0));
  if (status !== 200) throw new Error(`digits/predict answers ${status}: ${body.toString().slice(0, 500)}`);
}
