// Large JSON answers: the bits of every number, in the shape that was asked for, whatever else the document holds.
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Tensor } from '../../tensor.js';
import { LONGEST_FLOAT, writeFloat } from './json-float.js';
import { JsonWriter } from './json-writer.js';

function written(value: number): string {
  const bytes = Buffer.alloc(LONGEST_FLOAT);
  return bytes.toString('latin1', 0, writeFloat(bytes, 0, value));
}

async function through(tensor: Tensor, shape?: readonly number[]): Promise<unknown> {
  const writer = new JsonWriter();
  const body = writer.body({ id: '":0', y: writer.values(tensor, shape), z: 1 });
  return JSON.parse(typeof body === 'string' ? body : await text(body));
}

describe('a float32', () => {
  it.each([
    [0, '0'],
    [-0, '-0.0'],
    [1, '1'],
    [-0.5, '-0.5'],
    [Math.fround(0.1), '0.1'],
    [Math.fround(0.0371), '0.0371'],
    [123456.7890625 - 0.0003125, '123456.79'],
    [16777216, '16777216'],
    [Math.fround(1.5e-9), '15e-10'],
    [Math.fround(3.4028234663852886e38), '3.4028234663852886e+38'],
    [Math.fround(1e-45), '1.401298464324817e-45'],
  ])('%p is %s', (value, expected) => {
    expect(written(Math.fround(value))).toBe(expected);
  });

  it('comes back with its bits', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.float({ noNaN: true, noDefaultInfinity: true }),
          fc.integer({ min: -2_000_000, max: 2_000_000 }).map((n) => Math.fround(n / 1000)),
        ),
        (value) => {
          expect(Object.is(Math.fround(JSON.parse(written(value)) as number), value)).toBe(true);
        },
      ),
      { numRuns: 10_000 },
    );
  });
});

describe('a large answer', () => {
  const floats: Tensor = {
    name: 'y',
    datatype: 'FP32',
    shape: [20, 30, 50],
    data: Float32Array.from({ length: 30_000 }, (_, i) => Math.sin(i)),
  };

  it('is flat by default and nested on demand', async () => {
    const flat = (await through(floats)) as { y: number[] };
    expect(Float32Array.from(flat.y)).toEqual(floats.data);
    const nested = (await through(floats, floats.shape)) as { id: string; y: number[][][]; z: number };
    expect([nested.id, nested.z, nested.y.length, nested.y[0]?.length]).toEqual(['":0', 1, 20, 30]);
    expect(Float32Array.from(nested.y.flat(2))).toEqual(floats.data);
  });

  it.each([
    ['INT64', BigInt64Array.from({ length: 3000 }, (_, i) => 2n ** 62n + BigInt(i))],
    ['FP64', Float64Array.from({ length: 3000 }, (_, i) => -1 / (i + 1))],
    ['UINT8', Uint8Array.from({ length: 3000 }, (_, i) => i % 256)],
  ] as const)('has the digits of %s', async (datatype, data) => {
    const tensor: Tensor = { name: 'y', datatype, shape: [3000], data };
    const writer = new JsonWriter();
    const body = writer.body({ y: writer.values(tensor) });
    expect(await text(body as Readable)).toBe(`{"y":[${Array.from<unknown>(data).join()}]}`);
  });

  it('keeps the sign of a zero, in a small one too', async () => {
    const tensor: Tensor = { name: 'y', datatype: 'FP32', shape: [2], data: Float32Array.of(-0, 0) };
    expect(await through(tensor)).toEqual({ id: '":0', y: [-0, 0], z: 1 });
  });

  it('is refused before its first byte where JSON cannot carry it', () => {
    const data = new Float32Array(5000).fill(NaN, 4999);
    const tensor: Tensor = { name: 'y', datatype: 'FP32', shape: [5000], data };
    expect(() => new JsonWriter().values(tensor)).toThrow(expect.objectContaining({ code: 'NOT_ACCEPTABLE', field: 'y' }));
  });
});
