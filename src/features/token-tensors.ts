// Token ids -> the input tensors of a text model.
import type { Tensor } from '../tensor.js';

/** Inputs of text models that can be made from the ids alone, and the value that each token has in them. */
const VALUES: Readonly<Record<string, (id: number, position: number) => number>> = {
  input_ids: (id) => id,
  attention_mask: () => 1,
  token_type_ids: () => 0,
  position_ids: (_, position) => position,
};

/** Whether `tokenTensors` can make an input of this name. */
export function isTokenInput(name: string): boolean {
  return Object.hasOwn(VALUES, name);
}

/** One row `[1, tokens]` for each of the named inputs. */
export function tokenTensors(ids: readonly number[], inputs: readonly { name: string; datatype: string }[]): Tensor[] {
  const shape = [1, ids.length];
  return inputs.map(({ name, datatype }) => {
    const value = VALUES[name];
    if (!value) throw new Error(`no tokens for the input ${name}; this is a bug`);
    // No value is negative or has more than 31 bits: the low word of 64, the first in memory, is all of it. BigInts took five times as long.
    const words = datatype === 'INT32' ? 1 : 2;
    const data = new Int32Array(ids.length * words);
    ids.forEach((id, position) => {
      data[position * words] = value(id, position);
    });
    return words === 1
      ? { name, datatype: 'INT32', shape, data }
      : { name, datatype: 'INT64', shape, data: new BigInt64Array(data.buffer) };
  });
}
