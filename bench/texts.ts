// The texts and pictures that are sent, in an order that is the same for everyone.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nth } from './cycle.ts';
import { CORPUS, DIGITS, WORK } from './paths.ts';
import { seededRandom, shuffled } from './random.ts';

const BLOCK = 250;

/**
 * The corpus in blocks of 250, each with one text of every 250th of the lengths, shuffled within. A fast server gets
 * further than a slow one and the ceiling stops elsewhere still; so all of them did work of the same mean length,
 * where plain random windows of this corpus differ by 2 %.
 */
export function readTexts(): string[] {
  const random = seededRandom(1);
  const lines = readFileSync(CORPUS, 'utf8').split('\n').filter(Boolean);
  const sorted = lines.sort((a, b) => a.length - b.length);
  const blocks = Math.floor(sorted.length / BLOCK);
  const strata = Array.from({ length: BLOCK }, (_, index) => shuffled(sorted.slice(index * blocks, (index + 1) * blocks), random));
  return Array.from({ length: blocks }, (_, block) =>
    shuffled(
      strata.map((stratum) => nth(stratum, block)),
      random,
    ),
  ).flat();
}

export function embeddingBody(input: string | string[], extra: Record<string, string> = {}): string {
  return JSON.stringify({ model: 'all-minilm-l6-v2', input, ...extra });
}

const ZIPF_TEXTS = 10_000;
/** More than a server answers in one measurement, so that it does not begin again. */
const ZIPF_REQUESTS = 200_000;

/** Drawn with exponent 1. */
function zipf(bodies: readonly string[]): string[] {
  const random = seededRandom(2);
  const ranked = bodies.slice(0, ZIPF_TEXTS);
  const cumulative: number[] = [];
  for (const [index] of ranked.entries()) cumulative.push((cumulative.at(-1) ?? 0) + 1 / (index + 1));
  const total = cumulative.at(-1) ?? 0;
  return Array.from({ length: ZIPF_REQUESTS }, () => nth(ranked, firstAbove(cumulative, random() * total)));
}

function firstAbove(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

export interface Bodies {
  readonly embed: readonly string[];
  /** The same bodies, one a line, for wrk. */
  readonly embedFile: string;
  readonly digits: readonly string[];
  readonly digitsFile: string;
  /** One text, again and again. */
  readonly repeatedFile: string;
  /** Some of 10,000 texts often and most of them hardly ever: the k-th most frequent 1/k as often as the first. */
  readonly zipfFile: string;
}

export function prepareBodies(texts: readonly string[]): Bodies {
  const { pixels } = JSON.parse(readFileSync(DIGITS, 'utf8')) as { pixels: number[][] };
  const embed = texts.map((text) => embeddingBody(text));
  const digits = pixels.map((row) => JSON.stringify({ instances: [row] }));
  mkdirSync(WORK, { recursive: true });
  const save = (name: string, lines: readonly string[]): string => {
    const file = join(WORK, name);
    writeFileSync(file, lines.join('\n') + '\n');
    return file;
  };
  return {
    embed,
    embedFile: save('embed.jsonl', embed),
    digits,
    digitsFile: save('digits.jsonl', digits),
    repeatedFile: save('repeated.jsonl', embed.slice(0, 1)),
    zipfFile: save('zipf.jsonl', zipf(embed)),
  };
}
