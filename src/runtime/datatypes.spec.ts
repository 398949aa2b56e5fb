// Datatypes of the platform and of ONNX Runtime: a round trip through the wire for each.
import { describe, expect, it } from '@jest/globals';
import { allocate, DATATYPES, type Datatype } from '../tensor.js';
import { datatypeOf, fromWire, toWire } from './datatypes.js';

describe('datatypes', () => {
  it.each(Object.keys(DATATYPES) as Datatype[])('%s comes back from the wire, its data not copied', (datatype) => {
    const data = allocate(datatype, 6);
    const wire = toWire({ name: 'x', datatype, shape: [2, 3], data });
    expect(wire).not.toHaveProperty('name');
    const tensor = fromWire('x', wire);
    expect(tensor).toEqual({ name: 'x', datatype, shape: [2, 3], data });
    expect(tensor.data).toBe(data);
  });

  it.each(['bfloat16', 'int4', 'uint4'] as const)('%s cannot be served, and says so', (type) => {
    expect(() => datatypeOf(type as 'int4')).toThrow(`the datatype ${type} cannot be served`);
  });
});
