// Tensors of the platform <-> tensors of ONNX Runtime: the same blocks under other names.
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import type { Datatype, Tensor } from '../tensor.js';
import type { WireTensor } from './messages.js';

const ORT_TYPES = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
} as const satisfies Record<Datatype, OrtTensor.Type>;

const DATATYPES = new Map<string, Datatype>(Object.entries(ORT_TYPES).map(([datatype, type]) => [type, datatype as Datatype]));

/** @throws Error for the types that the Node binding cannot carry (bfloat16, int4). */
export function datatypeOf(type: OrtTensor.Type): Datatype {
  const datatype = DATATYPES.get(type);
  if (!datatype) throw new Error(`the datatype ${type} cannot be served: ONNX Runtime's Node binding does not carry it`);
  return datatype;
}

export function toWire({ datatype, shape, ...tensor }: Tensor): WireTensor {
  // Both sides have the same array classes; the binding's declarations only lack Float16Array.
  const data: unknown = tensor.data;
  return { type: ORT_TYPES[datatype], data: data as OrtTensor.DataType, dims: shape };
}

export function fromWire(name: string, { type, data, dims }: WireTensor): Tensor {
  return { name, datatype: datatypeOf(type), shape: dims, data };
}
