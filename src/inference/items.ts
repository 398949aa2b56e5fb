// The tensors of a request <-> the items that travel: cut where the model batches, joined again afterwards.
import type { Item } from '../batching/item.js';
import { NestorError } from '../errors.js';
import type { Model } from '../models/model.js';
import { allocate, copyInto, elementCount, rows as rowsOf, type Tensor } from '../tensor.js';

/** Rows of these tensors, and the length of each: what they cost in the queue, before they are cut. */
export function extentOf({ layout }: Pick<Model, 'layout'>, inputs: readonly Tensor[]): Pick<Item, 'rows' | 'length'> {
  if (!layout.batches) return { rows: 1, length: 1 };
  const sequence = inputs.find(({ name }) => layout.paddedInputs.has(name));
  return { rows: inputs[0]?.shape[0] ?? 1, length: sequence?.shape[1] ?? 1 };
}

/** Sequences travel one by one, so that each finds mates of its length; rows of fixed shape in blocks of a batch. */
export function toItems(model: Model, inputs: readonly Tensor[], owned = false): Item[] {
  const { layout } = model;
  const { rows, length } = extentOf(model, inputs);
  if (!layout.batches) return [{ inputs, rows, length, kind: '', owned }];
  const kind = kindOf(model, inputs);
  const block = layout.paddedInputs.size > 0 ? 1 : model.maxRows;
  const items: Item[] = [];
  for (let from = 0; from < rows; from += block) {
    const to = Math.min(rows, from + block);
    const part = rows <= block ? inputs : inputs.map((input) => rowsOf(input, from, to));
    items.push({ inputs: part, rows: to - from, length, kind, masked: isMasked(model, part), owned: owned && rows <= block });
  }
  return items;
}

/** Whether a mask that numbers the sequences of a row already leaves places out. */
function isMasked({ layout }: Model, inputs: readonly Tensor[]): boolean {
  if (layout.segmentsBy === undefined) return false;
  const mask = inputs.find(({ name }) => name === layout.segmentsBy)?.data as BigInt64Array | Int32Array | undefined;
  return mask?.some((value: number | bigint) => Number(value) !== 1) ?? false;
}

/** The outputs of all items of a request as one tensor each. */
export function joinOutputs(parts: readonly (readonly Tensor[])[]): Tensor[] {
  const [first = []] = parts;
  if (parts.length === 1) return [...first];
  return first.map((output, index) => {
    const blocks = parts.map((part) => part[index] ?? output);
    const inner = output.shape.slice(1).join();
    if (blocks.some((block) => block.shape.slice(1).join() !== inner)) {
      const message = `The output ${output.name} differs in length from text to text, which one tensor cannot hold; ask for another output, or send instances`;
      throw new NestorError('NOT_ACCEPTABLE', message, { field: 'outputs' });
    }
    const rows = blocks.reduce((sum, block) => sum + (block.shape[0] ?? 0), 0);
    const shape = [rows, ...output.shape.slice(1)];
    const data = allocate(output.datatype, elementCount(shape));
    let offset = 0;
    for (const block of blocks) {
      copyInto(data, block.data, offset);
      offset += block.data.length;
    }
    return { ...output, shape, data };
  });
}

/** The sizes of all axes but the rows and the padded sequence. */
function kindOf({ layout }: Model, inputs: readonly Tensor[]): string {
  return inputs.map(({ name, shape }) => shape.slice(layout.paddedInputs.has(name) ? 2 : 1).join('x')).join();
}
