// What clients of all sorts send, and which endings each of them may have.
import type { Ending, Shipment } from './client.ts';
import { between, type Random } from './random.ts';
import { DIGITS, digitsBody, EMBEDDINGS, embeddingBody, embeds, reads, vectorsOf, type Truth } from './truth.ts';

export interface Errand {
  readonly name: string;
  readonly shipment: Shipment;
  /** @returns what is wrong with an ending, nothing when all is well. */
  readonly fault: (ending: Ending) => string | undefined;
}

/** A busy server may say so; 503 is a worker that died. */
const BUSY = [429, 503];
/** Of a text; the model reads about 200. */
const MOST_WORDS = 300;

/** One request of the mixture, as the dice fall. */
export function errand(random: Random, truth: Truth): Errand {
  const dice = random();
  if (dice < 0.08) return malformed(random);
  const plain = random() < 0.7 ? texts(random, truth) : digits(random, truth);
  if (dice < 0.2) return { ...plain, name: 'hang up', shipment: { ...plain.shipment, hangUpAfterMs: between(random, 0, 150) } };
  if (dice < 0.35) return inTime(plain, random);
  return plain;
}

/** Texts of one word to more than a model reads, one or many: no two batches have one shape. What comes back is looked at for its shape alone. */
export function mixedLengths(random: Random, { texts: known }: Truth): Errand {
  const text = (): string => {
    const words = Array.from({ length: 40 }, () => known[between(random, 0, known.length - 1)] ?? '')
      .join(' ')
      .split(' ');
    // As many short ones as long ones, by orders of magnitude.
    return words.slice(0, Math.ceil(MOST_WORDS ** random())).join(' ');
  };
  const input = Array.from({ length: random() < 0.1 ? between(random, 2, 16) : 1 }, text);
  return {
    name: 'lengths',
    shipment: { path: EMBEDDINGS, body: embeddingBody(input), headers: priority(random) },
    fault: (ending) => faultOf(ending, BUSY, (body) => vectorsOf(body).length === input.length),
  };
}

function texts(random: Random, truth: Truth): Errand {
  const count = random() < 0.01 ? 300 : random() < 0.1 ? between(random, 2, 24) : 1;
  const numbers = Array.from({ length: count }, () => between(random, 0, truth.texts.length - 1));
  return {
    name: count === 1 ? 'text' : 'texts',
    shipment: { path: EMBEDDINGS, body: embeddingBody(numbers.map((number) => truth.texts[number] ?? '')), headers: priority(random) },
    fault: (ending) => faultOf(ending, BUSY, (body) => embeds(body, truth, numbers)),
  };
}

function digits(random: Random, truth: Truth): Errand {
  const numbers = Array.from({ length: between(random, 1, 12) }, () => between(random, 0, truth.pixels.length - 1));
  return {
    name: 'digits',
    shipment: { path: DIGITS, body: digitsBody(numbers.map((number) => truth.pixels[number] ?? [])), headers: priority(random) },
    fault: (ending) => faultOf(ending, BUSY, (body) => reads(body, truth, numbers)),
  };
}

/** With a deadline that is met now and then. */
function inTime(plain: Errand, random: Random): Errand {
  const seconds = (0.001 + random() ** 2 * 0.4).toFixed(3);
  return {
    name: 'deadline',
    shipment: { ...plain.shipment, headers: { ...plain.shipment.headers, 'request-timeout': seconds } },
    fault: (ending) => (ending.kind === 'answer' && ending.status === 504 ? undefined : plain.fault(ending)),
  };
}

function malformed(random: Random): Errand {
  const pixels = digitsBody([Array.from({ length: 64 }, () => between(random, 0, 16))]);
  const cases: readonly Shipment[] = [
    { path: DIGITS, body: pixels.slice(0, between(random, 0, pixels.length - 2)) },
    { path: DIGITS, body: Buffer.from(pixels).map((byte) => (random() < 0.05 ? 0xff : byte)).fill(0xff, 0, 1) }, // prettier-ignore
    { path: DIGITS, body: digitsBody([[1, 2, 3]]) },
    { path: DIGITS, body: JSON.stringify({ inputs: { pixels: { shape: [2 ** 40, 64], datatype: 'FP32', data: [1] } } }) },
    { path: DIGITS, body: '['.repeat(between(random, 1, 50_000)) },
    { path: DIGITS, body: pixels, headers: { 'content-type': 'application/octet-stream' } },
    { path: DIGITS, body: pixels, headers: { 'request-timeout': 'soon' } },
    { path: '/v1/models/none/predict', body: pixels },
    { path: EMBEDDINGS, body: JSON.stringify({ model: 'all-minilm-l6-v2' }) },
    { path: EMBEDDINGS, body: JSON.stringify({ model: 'all-minilm-l6-v2', input: [[1e9]] }) },
    { path: EMBEDDINGS, body: JSON.stringify({ model: 'all-minilm-l6-v2', input: 'a', constructor: null }) },
  ];
  return {
    name: 'malformed',
    shipment: cases[between(random, 0, cases.length - 1)] ?? { path: EMBEDDINGS, body: '' },
    fault: (ending) => {
      if (ending.kind !== 'answer') return faultOf(ending, []);
      return ending.status >= 400 && ending.status < 500
        ? undefined
        : `${ending.status} for a body that is wrong: ${ending.body.slice(0, 200)}`;
    },
  };
}

function priority(random: Random): Readonly<Record<string, string>> {
  return random() < 0.3 ? { priority: `u=${between(random, 0, 7)}` } : {};
}

function faultOf(ending: Ending, allowed: readonly number[], right: (body: string) => boolean = () => true): string | undefined {
  if (ending.kind === 'hung up') return undefined;
  if (ending.kind === 'lost') return `no answer: ${ending.reason}`;
  if (ending.status === 200) return right(ending.body) ? undefined : `a wrong answer: ${ending.body.slice(0, 200)}`;
  return allowed.includes(ending.status) ? undefined : `${ending.status}: ${ending.body.slice(0, 200)}`;
}
