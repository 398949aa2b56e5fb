// Which output of a classifier holds the score of each class.
import type { Signature, TensorSpec } from './signature.js';

/** `[rows, classes]`; nothing where there are no classes, or no output has as many scores. */
export function scoresOutput(signature: Signature, labels: readonly string[] | undefined): TensorSpec | undefined {
  if (!labels) return undefined;
  return signature.outputs.find(
    ({ datatype, shape }) => datatype === 'FP32' && shape.length === 2 && [labels.length, -1].includes(shape[1] ?? 0),
  );
}
