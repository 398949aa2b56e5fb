// Typed contents <-> data: each datatype has one field that carries it, and FP16 has none.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { invalid } from '../errors.js';
import { textOf } from '../oip/raw-tensor.js';
import { allocate, elementCount, type Datatype, type TensorData } from '../tensor.js';
import type { InferTensorContents, InferTensorContentsSchema } from './inference_pb.js';

type Field = Exclude<keyof InferTensorContents, '$typeName' | '$unknown'>;

const FIELDS: Readonly<Record<Exclude<Datatype, 'FP16'>, Field>> = {
  BOOL: 'boolContents',
  INT8: 'intContents',
  INT16: 'intContents',
  INT32: 'intContents',
  INT64: 'int64Contents',
  UINT8: 'uintContents',
  UINT16: 'uintContents',
  UINT32: 'uintContents',
  UINT64: 'uint64Contents',
  FP32: 'fp32Contents',
  FP64: 'fp64Contents',
  BYTES: 'bytesContents',
};

/** @throws NestorError INVALID_REQUEST for the wrong field, the wrong number of elements, or one that is out of range. */
export function dataFromContents(contents: InferTensorContents, datatype: Datatype, shape: readonly number[], field: string): TensorData {
  if (datatype === 'FP16') throw invalid(field, 'FP16 has no typed contents; send it in raw_input_contents');
  const wanted = FIELDS[datatype];
  const filled = Object.values(FIELDS).find((name) => name !== wanted && contents[name].length > 0);
  if (filled) throw invalid(`${field}.${snake(filled)}`, `${datatype} is carried by ${snake(wanted)}`);
  const values = contents[wanted];
  if (values.length !== elementCount(shape)) {
    throw invalid(
      `${field}.${snake(wanted)}`,
      `There are ${values.length} elements; the shape [${shape.join(', ')}] holds ${elementCount(shape)}`,
    );
  }
  if (datatype === 'BYTES') return (values as Uint8Array[]).map((bytes, index) => textOf(bytes, index, field));
  const data = allocate(datatype, values.length);
  for (let i = 0; i < values.length; i++) data[i] = values[i] as never;
  const odd = ['INT8', 'INT16', 'UINT8', 'UINT16'].includes(datatype)
    ? values.findIndex((value: unknown, i: number) => data[i] !== value)
    : -1;
  if (odd >= 0) throw invalid(`${field}.${snake(wanted)}`, `Element ${odd} is no ${datatype}: ${String(values[odd])}`);
  return data;
}

export function contentsOf(data: TensorData, datatype: Exclude<Datatype, 'FP16'>): MessageInitShape<typeof InferTensorContentsSchema> {
  return { [FIELDS[datatype]]: Array.from<unknown, unknown>(data, elementFor(datatype)) };
}

function elementFor(datatype: Datatype): (value: unknown) => unknown {
  if (datatype === 'BOOL') return (value) => value !== 0;
  if (datatype === 'BYTES') return (value) => Buffer.from(String(value));
  return (value) => value;
}

/** As the .proto has the name. */
function snake(field: Field): string {
  return field.replace('Contents', '_contents');
}
