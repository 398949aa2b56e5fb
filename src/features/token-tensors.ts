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
    if (datatype === 'INT32') return { name, datatype, shape, data: Int32Array.from(ids, value) };
    return { name, datatype: 'INT64', shape, data: BigInt64Array.from(ids, (id, position) => BigInt(value(id, position))) };
  });
}
