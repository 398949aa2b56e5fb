// The formats in which tensors travel, as a table: how a request is written and how an answer is read. A new format is a row.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { decode, encode } from '@msgpack/msgpack';
import { PredictRequestSchema, PredictResponseSchema } from '../../src/http/codecs/nestor_pb.js';
import { hasDescription, npyHead, readNpyHead } from '../../src/http/codecs/npy-header.js';
import { bytesOf } from '../../src/oip/raw-tensor.js';
import type { Datatype, Tensor } from '../../src/tensor.js';

/** A tensor as it lies in memory: equal ones have equal bits. */
export interface Block {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

export interface Outgoing {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface Format {
  readonly name: string;
  /** One tensor and no name. */
  readonly single?: boolean;
  readonly carries: (tensor: Tensor) => boolean;
  readonly write: (model: string, inputs: readonly Tensor[], outputs: readonly string[]) => Outgoing;
  readonly read: (body: Buffer, headers: Headers) => Block[];
}

const HEADER_LENGTH = 'Inference-Header-Content-Length';

export function blockOf({ name, datatype, shape, data }: Tensor): Block {
  return { name, datatype, shape: [...shape], bytes: Buffer.from(bytesOf(data)) };
}

const sent = (path: string, type: string | undefined, body: Uint8Array | string, more: Record<string, string> = {}): Outgoing => ({
  path,
  headers: { ...(type !== undefined && { 'Content-Type': type, Accept: type }), ...more },
  body: typeof body === 'string' ? Buffer.from(body) : body,
});
const predict = (model: string, outputs: readonly string[] = []): string =>
  `/v1/models/${model}/predict${outputs.length > 0 ? `?outputs=${outputs.join()}` : ''}`;
const infer = (model: string): string => `/v2/models/${model}/infer`;

const finite = ({ data }: Tensor): boolean =>
  Array.isArray(data) || Array.from<unknown>(data).every((value) => typeof value === 'bigint' || Number.isFinite(value));
const anything = (): boolean => true;

/** Digits of every element; a double's tell it from all others, and a float's are some double's. */
function json(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member === 'bigint') return JSON.rawJSON(String(member));
    return Object.is(member, -0) ? JSON.rawJSON('-0.0') : member;
  });
}

function elements({ data, datatype }: Tensor): unknown[] {
  return datatype === 'BOOL' ? Array.from(data, Boolean) : Array.from<unknown>(data);
}

interface JsonTensor {
  readonly datatype: Datatype;
  readonly shape: number[];
  readonly data: unknown[];
}

const ARRAYS = {
  BOOL: Uint8Array, UINT8: Uint8Array, UINT16: Uint16Array, UINT32: Uint32Array, UINT64: BigUint64Array, INT8: Int8Array, INT16: Int16Array,
  INT32: Int32Array, INT64: BigInt64Array, FP16: Float16Array, FP32: Float32Array, FP64: Float64Array,
}; // prettier-ignore

function fromJson(name: string, { datatype, shape, data }: JsonTensor): Block {
  if (datatype === 'BYTES') return blockOf({ name, datatype, shape, data: data as string[] });
  const values = datatype.endsWith('INT64') ? data.map((value) => BigInt(value as number | bigint)) : data.map(Number);
  return blockOf({ name, datatype, shape, data: (ARRAYS[datatype] as { from: (values: unknown) => Tensor['data'] }).from(values) });
}

function parse(body: Buffer): unknown {
  return JSON.parse(body.toString(), (_, value: unknown, context: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? '')
      ? BigInt(context.source ?? '')
      : value,
  );
}

const byName = (tensors: readonly Tensor[], write: (tensor: Tensor) => unknown): object =>
  Object.fromEntries(tensors.map((tensor) => [tensor.name, write(tensor)]));

export const FORMATS: readonly Format[] = [
  {
    name: 'JSON',
    carries: finite,
    write: (model, inputs, outputs) => {
      const tensors = byName(inputs, (tensor) => ({ datatype: tensor.datatype, shape: tensor.shape, data: elements(tensor) }));
      return sent(predict(model), 'application/json', json({ inputs: tensors, outputs }));
    },
    read: (body) => {
      const { outputs } = parse(body) as { outputs: Record<string, JsonTensor> };
      return Object.entries(outputs).map(([name, tensor]) => fromJson(name, tensor));
    },
  },
  {
    name: '/v2, JSON',
    carries: (tensor) => tensor.datatype !== 'FP16' && finite(tensor),
    write: (model, inputs, outputs) => {
      const tensors = inputs.map((tensor) => ({
        name: tensor.name,
        datatype: tensor.datatype,
        shape: tensor.shape,
        data: elements(tensor),
      }));
      return sent(infer(model), undefined, json({ inputs: tensors, outputs: outputs.map((name) => ({ name })) }));
    },
    read: (body) => {
      const { outputs } = parse(body) as { outputs: (JsonTensor & { name: string })[] };
      return outputs.map((tensor) => fromJson(tensor.name, tensor));
    },
  },
  {
    name: '/v2, binary tensors',
    carries: anything,
    write: (model, inputs, outputs) => {
      const blocks = inputs.map(blockOf);
      const tensors = blocks.map(({ bytes, ...tensor }) => ({ ...tensor, parameters: { binary_data_size: bytes.length } }));
      const wanted = outputs.map((name) => ({ name, parameters: { binary_data: true } }));
      const head = Buffer.from(JSON.stringify({ inputs: tensors, outputs: wanted }));
      const body = Buffer.concat([head, ...blocks.map(({ bytes }) => bytes)]);
      return sent(infer(model), undefined, body, { [HEADER_LENGTH]: String(head.length) });
    },
    read: (body, headers) => {
      const length = Number(headers.get(HEADER_LENGTH));
      const { outputs } = JSON.parse(body.subarray(0, length).toString()) as {
        outputs: { name: string; datatype: string; shape: number[]; parameters: { binary_data_size: number } }[];
      };
      let at = length;
      return outputs.map(({ name, datatype, shape, parameters: { binary_data_size: size } }) => {
        at += size;
        return { name, datatype, shape, bytes: body.subarray(at - size, at) };
      });
    },
  },
  {
    name: 'MsgPack',
    carries: anything,
    write: (model, inputs, outputs) => {
      const tensors = byName(inputs, ({ datatype, shape, data }) => ({ datatype, shape, data: bytesOf(data) }));
      return sent(predict(model), 'application/msgpack', encode({ inputs: tensors, outputs }));
    },
    read: (body) => {
      const { outputs } = decode(body) as { outputs: Record<string, { datatype: string; shape: number[]; data: Uint8Array }> };
      return Object.entries(outputs).map(([name, { datatype, shape, data }]) => ({ name, datatype, shape, bytes: Buffer.from(data) }));
    },
  },
  {
    name: 'Protobuf',
    carries: anything,
    write: (model, tensors, outputs) => {
      const inputs = byName(tensors, ({ datatype, shape, data }) => ({ datatype, shape: shape.map(BigInt), data: bytesOf(data) }));
      const message = create(PredictRequestSchema, { inputs: inputs as never, outputs: [...outputs] });
      return sent(predict(model), 'application/x-protobuf', toBinary(PredictRequestSchema, message));
    },
    read: (body) => {
      const { outputs } = fromBinary(PredictResponseSchema, body);
      const blocks = Object.entries(outputs);
      return blocks.map(([name, { datatype, shape, data }]) => ({ name, datatype, shape: shape.map(Number), bytes: Buffer.from(data) }));
    },
  },
  {
    name: 'npy',
    single: true,
    carries: ({ datatype }) => hasDescription(datatype),
    write: (model, [tensor], outputs) => {
      if (!tensor || !hasDescription(tensor.datatype)) throw new Error('npy does not carry this');
      const body = Buffer.concat([npyHead(tensor.datatype, tensor.shape), bytesOf(tensor.data)]);
      return sent(predict(model, outputs), 'application/x-npy', body);
    },
    read: (body) => {
      const { datatype, shape, offset } = readNpyHead(body);
      return [{ name: '', datatype, shape, bytes: body.subarray(offset) }];
    },
  },
  {
    name: 'octet-stream',
    single: true,
    carries: anything,
    write: (model, [tensor], outputs) => {
      if (!tensor) throw new Error('octet-stream carries one tensor');
      const headers = { 'Tensor-Shape': tensor.shape.join(), 'Tensor-Datatype': tensor.datatype };
      return sent(predict(model, outputs), 'application/octet-stream', bytesOf(tensor.data), headers);
    },
    read: (body, headers) => {
      const shape = headers.get('Tensor-Shape')?.split(',').filter(Boolean).map(Number) ?? [];
      return [{ name: '', datatype: headers.get('Tensor-Datatype') ?? '', shape, bytes: body }];
    },
  },
];

/** Sends tensors in a format and reads the answer, whatever its status. */
export async function send(url: string, { path, headers, body }: Outgoing): Promise<{ status: number; headers: Headers; body: Buffer }> {
  const response = await fetch(url + path, { method: 'POST', headers, body: new Uint8Array(body) });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}
