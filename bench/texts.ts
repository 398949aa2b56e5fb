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

export interface Bodies {
  readonly embed: readonly string[];
  /** The same bodies, one a line, for wrk. */
  readonly embedFile: string;
  readonly digits: readonly string[];
  readonly digitsFile: string;
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
  return { embed, embedFile: save('embed.jsonl', embed), digits, digitsFile: save('digits.jsonl', digits) };
}
