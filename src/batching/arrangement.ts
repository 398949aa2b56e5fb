// Which of the layouts a batch takes: rows of their own, padded, or rows that sequences share.
import type { Tensor } from '../tensor.js';
import type { Item } from './item.js';
import { merge, split, type Batch, type Layout } from './layout.js';
import { pack, unpack } from './segments.js';

export interface Arrangement {
  readonly batch: Batch;
  /** The outputs of the batch, cut into those of each item. */
  readonly split: (outputs: readonly Tensor[]) => Tensor[][];
}

export function arrange(items: readonly Item[], layout: Layout): Arrangement {
  if (layout.segmentsBy === undefined || items.length === 1) {
    return { batch: merge(items, layout), split: (outputs) => split(outputs, items, layout) };
  }
  const batch = pack(items, layout);
  return { batch, split: (outputs) => unpack(outputs, items, batch, layout) };
}
