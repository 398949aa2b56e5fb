// Every form in which a tensor can travel to either server and back.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { decode, encode } from '@msgpack/msgpack';
import { PredictRequestSchema, PredictResponseSchema } from '../../src/http/codecs/nestor_pb.ts';
import { ELEMENTS, SHAPE } from './tensor.ts';

export interface Form {
  readonly name: string;
  readonly label: string;
  readonly server: 'nestor' | 'fastapi-tensors';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: (values: Float32Array<ArrayBuffer>) => Uint8Array;
  /** The elements of an answer. */
  readonly read: (answer: Buffer, headers: Headers) => Float32Array;
}

const PREDICT = '/v1/models/identity/predict';
const HEADER_LENGTH = 'Inference-Header-Content-Length';
/** NumPy writes the head in 128 bytes for this shape; where they end is in the file itself. */
const NPY_HEAD = npyHead();

const bytesOf = ({ buffer }: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => new Uint8Array(buffer);
const floats = (bytes: Uint8Array): Float32Array => new Float32Array(Uint8Array.from(bytes).buffer);
const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const document = (data: unknown): object => ({ inputs: { x: { shape: SHAPE, datatype: 'FP32', data } } });

interface Document {
  readonly outputs: { readonly y: { readonly data: Uint8Array & number[] } };
}

export const FORMS: readonly Form[] = [
  {
    name: 'octet-stream',
    label: 'Nestor, octet-stream',
    server: 'nestor',
    path: PREDICT,
    headers: { 'Content-Type': 'application/octet-stream' },
    body: bytesOf,
    read: floats,
  },
  {
    name: 'npy',
    label: 'Nestor, npy',
    server: 'nestor',
    path: PREDICT,
    headers: { 'Content-Type': 'application/x-npy' },
    body: (values) => Buffer.concat([NPY_HEAD, bytesOf(values)]),
    read: (answer) => floats(answer.subarray(10 + answer.readUInt16LE(8))),
  },
  {
    name: 'msgpack',
    label: 'Nestor, MsgPack',
    server: 'nestor',
    path: PREDICT,
    headers: { 'Content-Type': 'application/msgpack' },
    body: (values) => encode(document(bytesOf(values))),
    read: (answer) => floats((decode(answer) as Document).outputs.y.data),
  },
  {
    name: 'protobuf',
    label: 'Nestor, Protobuf',
    server: 'nestor',
    path: PREDICT,
    headers: { 'Content-Type': 'application/x-protobuf' },
    body: (values) => {
      const x = { datatype: 'FP32', shape: SHAPE.map(BigInt), data: bytesOf(values) };
      return toBinary(PredictRequestSchema, create(PredictRequestSchema, { inputs: { x } }));
    },
    read: (answer) => floats(fromBinary(PredictResponseSchema, answer).outputs.y?.data ?? new Uint8Array()),
  },
  {
    name: 'oip-binary',
    label: 'Nestor, /v2 with binary tensors',
    server: 'nestor',
    path: '/v2/models/identity/infer',
    headers: { [HEADER_LENGTH]: String(oipHead().length) },
    body: (values) => Buffer.concat([oipHead(), bytesOf(values)]),
    read: (answer, headers) => floats(answer.subarray(Number(headers.get(HEADER_LENGTH)))),
  },
  {
    name: 'json',
    label: 'Nestor, JSON',
    server: 'nestor',
    path: PREDICT,
    headers: { 'Content-Type': 'application/json' },
    body: (values) => text(document(Array.from(values))),
    read: (answer) => Float32Array.from((JSON.parse(answer.toString()) as Document).outputs.y.data),
  },
  {
    name: 'fastapi-raw',
    label: 'FastAPI, raw bytes',
    server: 'fastapi-tensors',
    path: '/raw',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: bytesOf,
    read: floats,
  },
  {
    name: 'fastapi-json',
    label: 'FastAPI, JSON through pydantic',
    server: 'fastapi-tensors',
    path: '/json',
    headers: { 'Content-Type': 'application/json' },
    body: (values) => text({ shape: SHAPE, data: Array.from(values) }),
    read: (answer) => Float32Array.from((JSON.parse(answer.toString()) as { data: number[] }).data),
  },
];

function npyHead(): Buffer {
  const head = Buffer.alloc(128, ' ');
  head.write(`\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (${SHAPE.join(', ')}), }`, 'latin1');
  head.write('\n', 127);
  return head;
}

function oipHead(): Buffer {
  const size = 4 * ELEMENTS;
  const input = { name: 'x', shape: SHAPE, datatype: 'FP32', parameters: { binary_data_size: size } };
  return text({ inputs: [input], parameters: { binary_data_output: true } });
}
