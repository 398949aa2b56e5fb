// One model for every datatype, which gives back what it gets, beside digits.
import type { Datatype, TensorData } from '../../src/tensor.js';
import { identityModel } from '../soak/identity-model.js';
import { ONE_WORKER, shipped, written, type Files } from './repository.js';

/** Four values of each, the awkward ones among them. */
export const DATATYPES: Readonly<Record<Datatype, TensorData>> = {
  BOOL: Uint8Array.of(0, 1, 1, 0),
  UINT8: Uint8Array.of(0, 1, 128, 255),
  UINT16: Uint16Array.of(0, 1, 256, 65535),
  INT8: Int8Array.of(-128, 0, 1, 127),
  INT16: Int16Array.of(-32768, 0, 1, 32767),
  INT32: Int32Array.of(-2147483648, 0, 1, 2147483647),
  UINT32: Uint32Array.of(0, 1, 2, 4294967295),
  INT64: BigInt64Array.of(-(2n ** 63n), 9007199254740993n, 0n, 2n ** 63n - 1n),
  UINT64: BigUint64Array.of(0n, 9007199254740993n, 1n, 2n ** 64n - 1n),
  FP16: Float16Array.of(0.5, -65504, 1 / 3, Infinity),
  FP32: Float32Array.of(0.5, -1e-40, NaN, -Infinity),
  FP64: Float64Array.of(0.1, -1e300, 5e-324, -0),
  BYTES: ['', 'plain', 'Zürich ✓', 'line\n'],
};

/** A repository of models named as their datatypes, in lower case, from `x` to `y`. */
export async function everyDatatype(): Promise<string> {
  const models = Object.keys(DATATYPES).flatMap((datatype) => [
    [`${datatype.toLowerCase()}/1/model.onnx`, identityModel(datatype as Datatype, ['rows', 'values'])] as const,
    [`${datatype.toLowerCase()}/model.yaml`, ONE_WORKER] as const,
  ]);
  return written({ ...Object.fromEntries<Files[string]>(models), 'digits/1': { from: `${shipped('digits')}/1` } });
}
