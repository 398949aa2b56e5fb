// Several sequences in one row, numbered 1, 2, ... in the attention mask: lengths need not be alike, and next to nothing is padded.
import TinyQueue from 'tinyqueue';
import { NestorError } from '../errors.js';
import { allocate, copyInto, elementCount, rows as rowsOf, view, type Tensor } from '../tensor.js';
import type { Item } from './item.js';
import type { Batch, Layout } from './layout.js';

/**
 * Width at which a row's attention, whose cost grows with its square, costs as much as everything else: 0.106 ms a token and 0.000045 ms
 * a pair of tokens of one row (all-minilm-l6-v2, fp32, one core). Many narrow rows against the padding at their ends: of the batches of a
 * stream of mixed texts, 256 tokens each, the best number of rows takes 4.24 ms a text, a single row 4.35.
 */
const ATTENTION_WIDTH = 2400;

interface Place {
  readonly item: number;
  readonly row: number;
  readonly from: number;
  /** Number of the sequence in its row, from 1. */
  readonly segment: number;
}

export interface PackedBatch extends Batch {
  /** Row by row, in the order of the segments: the order in which the model puts one vector a segment out. */
  readonly places: readonly Place[];
}

/** Lays sequences of one row each into rows that several of them share. */
export function pack(items: readonly Item[], layout: Layout): PackedBatch {
  const places = placesOf(items);
  const used = items.reduce((sum, item) => sum + item.length, 0);
  const width = Math.max(...places.map((place) => place.from + (items[place.item]?.length ?? 0)));
  const rows = 1 + Math.max(...places.map((place) => place.row));
  const inputs = (items[0]?.inputs ?? []).map((first, index) => {
    const shape = [rows, width, ...first.shape.slice(2)];
    const inner = elementCount(shape.slice(2));
    const data = allocate(first.datatype, elementCount(shape));
    for (const { item, row, from, segment } of places) {
      const part = items[item]?.inputs[index] ?? first;
      const offset = (row * width + from) * inner;
      if (first.name === layout.segmentsBy) number(data, offset, part.data.length, segment);
      else copyInto(data, part.data, offset);
    }
    return { ...first, shape, data };
  });
  return { inputs, rows: items.length, paddingRatio: 1 - used / (rows * width), places };
}

/** The outputs of each item: its vector where the model puts out one a segment, its stretch of the row where one a token. */
export function unpack(outputs: readonly Tensor[], items: readonly Item[], { places }: PackedBatch, layout: Layout): Tensor[][] {
  const parts: Tensor[][] = items.map(() => []);
  for (const output of outputs) {
    const byToken = layout.paddedOutputs.has(output.name);
    if (!byToken && output.shape[0] !== items.length) {
      const cause = `output ${output.name} has ${output.shape[0]} rows for ${items.length} segments; set batching.segments to false in model.yaml`;
      throw new NestorError('INFERENCE_FAILED', 'The model could not run this input', { cause });
    }
    for (const [position, { item, row, from }] of places.entries()) {
      const length = items[item]?.length ?? 0;
      parts[item]?.push(byToken ? stretch(output, row, from, length) : rowsOf(output, position, position + 1));
    }
  }
  return parts;
}

/** The cheapest of all numbers of rows, the fewest of those that cost the same. */
function placesOf(items: readonly Item[]): Place[] {
  const order = items.map((item, index) => ({ index, length: item.length })).sort((a, b) => b.length - a.length);
  const longest = order[0]?.length ?? 0;
  const tokens = order.reduce((sum, { length }) => sum + length, 0);
  // Rows that are narrower than the longest sequence there are none, so more rows would only be emptier.
  const candidates = Array.from({ length: Math.ceil(tokens / longest) }, (_, index) => {
    const count = index + 1;
    return { count, atLeast: costOf(count, Math.max(longest, Math.ceil(tokens / count))) };
  });
  let best: Rows | undefined;
  // Most promising first: hardly any number of rows has to be tried before no other can be cheaper.
  for (const { count, atLeast } of candidates.sort((a, b) => a.atLeast - b.atLeast || a.count - b.count)) {
    if (best && atLeast > best.cost) break;
    const rows = fill(order, count);
    if (!best || rows.cost < best.cost || (rows.cost === best.cost && count < best.count)) best = rows;
  }
  return best?.places.sort((a, b) => a.row - b.row || a.segment - b.segment) ?? [];
}

interface Rows {
  readonly places: Place[];
  readonly count: number;
  readonly cost: number;
}

interface Row {
  readonly number: number;
  tokens: number;
  segments: number;
}

/** The longest first, each into the emptiest row. */
function fill(order: readonly { readonly index: number; readonly length: number }[], count: number): Rows {
  const rows = Array.from({ length: count }, (_, number): Row => ({ number, tokens: 0, segments: 0 }));
  const emptiest = new TinyQueue(rows, (a, b) => a.tokens - b.tokens || a.number - b.number);
  let width = 0;
  const places: Place[] = [];
  for (const { index, length } of order) {
    const row = emptiest.pop();
    if (!row) break;
    const from = row.tokens;
    row.tokens += length;
    row.segments += 1;
    width = Math.max(width, row.tokens);
    places.push({ item: index, row: row.number, from, segment: row.segments });
    emptiest.push(row);
  }
  return { places, count, cost: costOf(count, width) };
}

function costOf(rows: number, width: number): number {
  return rows * width * (1 + width / ATTENTION_WIDTH);
}

function number(data: Tensor['data'], offset: number, count: number, segment: number): void {
  if (data instanceof BigInt64Array) data.fill(BigInt(segment), offset, offset + count);
  else (data as Int32Array).fill(segment, offset, offset + count);
}

function stretch(output: Tensor, row: number, from: number, length: number): Tensor {
  const [, width = 0, ...rest] = output.shape;
  const inner = elementCount(rest);
  const start = (row * width + from) * inner;
  return { ...output, shape: [1, length, ...rest], data: view(output.data, start, start + length * inner) };
}
