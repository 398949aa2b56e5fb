// What the server answers when nothing else is going on: the truth that every answer under load is held against.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { post } from './client.ts';
import { between, type Random } from './random.ts';

const ROOT = join(import.meta.dirname, '../..');
const TEXTS = 128;
/** Floating-point sums differ with the company, by less than this. */
const SAME_DIRECTION = 0.9999;

export const EMBEDDINGS = '/v1/embeddings';
export const DIGITS = '/v1/models/digits/predict';

export interface Truth {
  readonly texts: readonly string[];
  readonly vectors: readonly Float32Array[];
  readonly pixels: readonly (readonly number[])[];
  readonly labels: readonly string[];
}

/** @throws Error when the server does not answer right even now. */
export async function learnTruth(url: string, random: Random): Promise<Truth> {
  const corpus = readFileSync(join(ROOT, 'bench/corpus/texts.txt'), 'utf8').split('\n').filter(Boolean);
  const texts = Array.from({ length: TEXTS }, () => corpus[between(random, 0, corpus.length - 1)] ?? '');
  const vectors: Float32Array[] = [];
  for (const text of texts) vectors.push(...vectorsOf(await answer(url, EMBEDDINGS, embeddingBody([text]))));
  const heldOut = JSON.parse(readFileSync(join(ROOT, 'test/fixtures/digits-heldout.json'), 'utf8')) as {
    pixels: number[][];
    labels: number[];
  };
  const labels = labelsOf(await answer(url, DIGITS, digitsBody(heldOut.pixels)));
  const right = labels.filter((label, row) => label === String(heldOut.labels[row])).length / labels.length;
  if (!(right > 0.95)) throw new Error(`the server reads ${(right * 100).toFixed(1)} % of the digits right`);
  return { texts, vectors, pixels: heldOut.pixels, labels };
}

async function answer(url: string, path: string, body: string): Promise<string> {
  const ending = await post(url, { path, body });
  if (ending.kind !== 'answer' || ending.status !== 200) throw new Error(`${path} does not answer: ${JSON.stringify(ending)}`);
  return ending.body;
}

export function embeddingBody(input: readonly string[]): string {
  return JSON.stringify({ model: 'all-minilm-l6-v2', input: input.length === 1 ? input[0] : input, encoding_format: 'base64' });
}

export function digitsBody(instances: readonly (readonly number[])[]): string {
  return JSON.stringify({ instances });
}

/** Whether an answer is that to the texts of these numbers, in their order. */
export function embeds(body: string, { vectors }: Truth, numbers: readonly number[]): boolean {
  const given = vectorsOf(body);
  return given.length === numbers.length && numbers.every((number, i) => cosine(given[i], vectors[number]) > SAME_DIRECTION);
}

/** Whether an answer names the digits of these numbers, in their order. */
export function reads(body: string, { labels }: Truth, numbers: readonly number[]): boolean {
  const given = labelsOf(body);
  return given.length === numbers.length && numbers.every((number, i) => given[i] === labels[number]);
}

export function vectorsOf(body: string): Float32Array[] {
  const { data } = JSON.parse(body) as { data: { index: number; embedding: string }[] };
  return data.map(({ embedding }) => {
    const bytes = Uint8Array.from(Buffer.from(embedding, 'base64'));
    return new Float32Array(bytes.buffer);
  });
}

function labelsOf(body: string): string[] {
  return (JSON.parse(body) as { predictions: { label: string }[] }).predictions.map(({ label }) => label);
}

function cosine(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (a?.length !== b?.length || !a || !b) return 0;
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0) / (Math.hypot(...a) * Math.hypot(...b));
}
