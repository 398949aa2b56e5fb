// The tensors of a request <-> the items that travel: cut where the model batches, joined again afterwards.
import { bytesOf, type Item } from '../batching/item.js';
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
  const masked = maskedRows(model, inputs);
  const block = layout.paddedInputs.size > 0 ? 1 : model.maxRows;
  if (rows <= block) return [{ inputs, rows, length, kind, masked: masked(0, rows), owned }];
  const whole = { inputs, length, kind, bytesOfRow: bytesOf({ inputs }) / rows };
  const items: Item[] = [];
  for (let from = 0; from < rows; from += block) {
    const to = Math.min(rows, from + block);
    items.push(new Part(whole, from, to - from, masked(from, to)));
  }
  return items;
}

interface Whole extends Pick<Item, 'inputs' | 'length' | 'kind'> {
  readonly bytesOfRow: number;
}

/** Some rows of a request, cut out once they travel: views of thousands at once would hold the event loop for 5 us each. */
class Part implements Item {
  readonly length: number;
  readonly kind: string;
  readonly bytes: number;
  readonly owned = false;
  #inputs: readonly Tensor[] | undefined;

  constructor(
    private readonly whole: Whole,
    private readonly from: number,
    readonly rows: number,
    readonly masked: boolean,
  ) {
    this.length = whole.length;
    this.kind = whole.kind;
    this.bytes = whole.bytesOfRow * rows;
  }

  get inputs(): readonly Tensor[] {
    return (this.#inputs ??= this.whole.inputs.map((input) => rowsOf(input, this.from, this.from + this.rows)));
  }
}

/** Whether a mask that numbers the sequences of a row leaves places of these rows out. It holds 0 and 1: the lower word of 64 bits says which. */
function maskedRows({ layout }: Model, inputs: readonly Tensor[]): (from: number, to: number) => boolean {
  const mask = layout.segmentsBy === undefined ? undefined : inputs.find(({ name }) => name === layout.segmentsBy);
  if (!mask) return () => false;
  const data = mask.data as BigInt64Array | Int32Array;
  const words = data instanceof BigInt64Array ? new Int32Array(data.buffer, data.byteOffset, data.length * 2) : data;
  const step = words.length / data.length;
  const width = elementCount(mask.shape.slice(1)) * step;
  return (from, to) => {
    for (let i = from * width; i < to * width; i += step) if (words[i] !== 1) return true;
    return false;
  };
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
