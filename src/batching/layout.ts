// Many items into the tensors of one batch, and the outputs of the batch back to the items.
import { NestorError } from '../errors.js';
import { allocate, copyInto, elementCount, fill, rows as rowsOf, view, type Tensor } from '../tensor.js';
import type { Item } from './item.js';

/** How a model's tensors are laid out: what is known of its axes. */
export interface Layout {
  /** Whether rows of several requests may share a tensor: the first axis of every input and output is free. */
  readonly batches: boolean;
  /** Inputs whose second axis is the sequence, with the value that pads it. */
  readonly paddedInputs: ReadonlyMap<string, number>;
  /** Outputs whose second axis is the sequence. */
  readonly paddedOutputs: ReadonlySet<string>;
  /** Name of the input that numbers the sequences of a row, where the model lets them share one. */
  readonly segmentsBy?: string | undefined;
}

export interface Batch {
  readonly inputs: Tensor[];
  readonly rows: number;
  /** Share of the batch that is padding, 0 to 1. */
  readonly paddingRatio: number;
}

/** From this size on a tensor that travels alone moves to the worker as it is; a smaller one may lie in memory that others share. */
const MOVED_FROM_BYTES = 128 * 1024;

/** Copies the items' rows into fresh tensors, padded to the longest: the buffers can be handed to another thread. */
export function merge(items: readonly Item[], layout: Layout): Batch {
  const rows = items.reduce((sum, item) => sum + item.rows, 0);
  const longest = items.reduce((max, item) => Math.max(max, item.length), 0);
  const used = items.reduce((sum, item) => sum + item.rows * item.length, 0);
  const first = items[0];
  if (!first) throw new Error('a batch without items; this is a bug');
  const inputs = first.inputs.map((input, index) => {
    if (moves(input, items)) return input;
    const padding = layout.paddedInputs.get(input.name);
    const shape = layout.batches ? [rows, ...input.shape.slice(1)] : [...input.shape];
    if (padding !== undefined) shape[1] = longest;
    const data = allocate(input.datatype, elementCount(shape));
    if (padding !== undefined && padding !== 0) fill(data, padding);
    const width = elementCount(shape.slice(1));
    let offset = 0;
    for (const item of items) {
      const part = item.inputs[index];
      if (!part) throw new Error(`an item without ${input.name} in its batch; this is a bug`);
      copyRows(data, part, offset, width);
      offset += item.rows * width;
    }
    return { ...input, shape, data };
  });
  return { inputs, rows, paddingRatio: longest === 0 ? 0 : 1 - used / (rows * longest) };
}

/** The copy is spared where nothing has to be put together; for what that gains see http/body.ts. */
function moves({ data }: Tensor, items: readonly Item[]): boolean {
  return items.length === 1 && items[0]?.owned === true && ArrayBuffer.isView(data) && data.byteLength >= MOVED_FROM_BYTES;
}

/** The outputs of each item, as views where no padding has to be cut away. */
export function split(outputs: readonly Tensor[], items: readonly Item[], layout: Layout): Tensor[][] {
  if (!layout.batches) return [[...outputs]];
  const rows = items.reduce((sum, item) => sum + item.rows, 0);
  const odd = outputs.find((output) => output.shape[0] !== rows);
  if (odd) {
    const cause = `output ${odd.name} has shape [${odd.shape.join()}] for a batch of ${rows} rows; set batching.enabled to false in model.yaml`;
    throw new NestorError('INFERENCE_FAILED', 'The model could not run this input', { cause });
  }
  let from = 0;
  return items.map((item) => {
    const to = from + item.rows;
    const parts = outputs.map((output) => {
      const part = rowsOf(output, from, to);
      return layout.paddedOutputs.has(output.name) ? trim(part, item.length) : part;
    });
    from = to;
    return parts;
  });
}

/** Rows of a shorter sequence go to the start of the wider rows of the batch, one by one. */
function copyRows(target: Tensor['data'], part: Tensor, offset: number, width: number): void {
  const own = elementCount(part.shape.slice(1));
  if (own === width || part.shape.length === 0) {
    copyInto(target, part.data, offset);
    return;
  }
  for (let row = 0; row < (part.shape[0] ?? 0); row++) {
    copyInto(target, view(part.data, row * own, (row + 1) * own), offset + row * width);
  }
}

/** Cuts the second axis down to `length`. */
function trim(tensor: Tensor, length: number): Tensor {
  const [count = 0, padded = 0, ...rest] = tensor.shape;
  if (padded <= length) return tensor;
  const inner = elementCount(rest);
  const data = allocate(tensor.datatype, count * length * inner);
  for (let row = 0; row < count; row++) {
    copyInto(data, view(tensor.data, row * padded * inner, (row * padded + length) * inner), row * length * inner);
  }
  return { ...tensor, shape: [count, length, ...rest], data };
}
