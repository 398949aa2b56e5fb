// Token ids as the inputs of a text model.
import { describe, expect, it } from '@jest/globals';
import { isTokenInput, tokenTensors } from './token-tensors.js';

describe('tokenTensors', () => {
  it('makes one row for each input, in the datatype of the model', () => {
    const tensors = tokenTensors(
      [101, 7, 102],
      [
        { name: 'attention_mask', datatype: 'INT64' },
        { name: 'input_ids', datatype: 'INT32' },
        { name: 'token_type_ids', datatype: 'INT64' },
        { name: 'position_ids', datatype: 'INT64' },
      ],
    );
    const shape = [1, 3];
    expect(tensors).toEqual([
      { name: 'attention_mask', datatype: 'INT64', shape, data: BigInt64Array.of(1n, 1n, 1n) },
      { name: 'input_ids', datatype: 'INT32', shape, data: Int32Array.of(101, 7, 102) },
      { name: 'token_type_ids', datatype: 'INT64', shape, data: BigInt64Array.of(0n, 0n, 0n) },
      { name: 'position_ids', datatype: 'INT64', shape, data: BigInt64Array.of(0n, 1n, 2n) },
    ]);
  });

  it('knows which inputs it can make', () => {
    expect(['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'].every(isTokenInput)).toBe(true);
    expect(['pixel_values', 'toString', '__proto__'].some(isTokenInput)).toBe(false);
    expect(() => tokenTensors([1], [{ name: 'pixel_values', datatype: 'FP32' }])).toThrow('this is a bug');
  });
});
