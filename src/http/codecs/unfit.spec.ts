// A tensor of another datatype or shape than the model takes is refused by what is said of it, before its bytes become elements.
import { create, toBinary } from '@bufbuild/protobuf';
import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from '@jest/globals';
import { Signature } from '../../models/signature.js';
import type { Model } from '../../models/model.js';
import { dataFromBytes } from '../../oip/raw-tensor.js';
import type { Datatype } from '../../tensor.js';
import { readInfer } from '../oip/infer-request.js';
import { msgpackCodec } from './msgpack.codec.js';
import { PredictRequestSchema } from './nestor_pb.js';
import { octetStreamCodec } from './octet-stream.codec.js';
import { protobufCodec } from './protobuf.codec.js';

const spec = { name: 'x', datatype: 'FP32' as const, shape: [-1, 4], axes: [] };
const model = { name: 'any', signature: new Signature([spec], [spec]) } as unknown as Model;
/** No BOOL, and no text: whoever reads them has something else to say. */
const data = Buffer.alloc(16, 0xff);

function infer(datatype: Datatype, shape: readonly number[]): Promise<unknown> {
  const parameters = { binary_data_size: data.length };
  const json = Buffer.from(JSON.stringify({ inputs: [{ name: 'x', datatype, shape, parameters }] }));
  return readInfer(Buffer.concat([json, data]), String(json.length), model);
}

const FORMATS: Readonly<Record<string, (datatype: Datatype, shape: number[]) => unknown>> = {
  'octet-stream': (datatype, shape) =>
    octetStreamCodec.decodePrediction?.({ bytes: data, headers: { 'tensor-datatype': datatype, 'tensor-shape': shape.join() } }, model),
  MsgPack: (datatype, shape) =>
    msgpackCodec.decodePrediction?.({ bytes: Buffer.from(encode({ inputs: { x: { datatype, shape, data } } })), headers: {} }, model),
  Protobuf: (datatype, shape) => {
    const inputs = { x: { datatype, shape: shape.map(BigInt), data } };
    const bytes = Buffer.from(toBinary(PredictRequestSchema, create(PredictRequestSchema, { inputs })));
    return protobufCodec.decodePrediction?.({ bytes, headers: {} }, model);
  },
  '/v2': infer,
};

describe.each(Object.entries(FORMATS))('%s', (_, read) => {
  it.each<[Datatype, number[], string]>([
    ['BYTES', [4], 'inputs.x.datatype'],
    ['BOOL', [16], 'inputs.x.datatype'],
    ['FP32', [5, 5, 5], 'inputs.x.shape'],
    ['FP32', [5, 5], 'inputs.x.shape'],
  ])('%s of shape %p', async (datatype, shape, field) => {
    await expect(Promise.try(() => read(datatype, shape))).rejects.toMatchObject({ code: 'INVALID_REQUEST', field });
  });
});

describe('the bytes', () => {
  const MOST = 128 * 1024;
  const texts = (count: number) => (): unknown => dataFromBytes(new Uint8Array(4 * count), 'BYTES', [count], 'x');

  it('of texts may hold as many as typed contents', () => {
    expect(texts(MOST)()).toHaveLength(MOST);
    expect(texts(MOST + 1)).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', field: 'x' }));
  });

  it('of BOOL are 0 and 1', () => {
    expect(dataFromBytes(Uint8Array.of(0, 1), 'BOOL', [2], 'x')).toEqual(Uint8Array.of(0, 1));
    expect(() => dataFromBytes(Uint8Array.of(0, 1, 2), 'BOOL', [3], 'x')).toThrow('Element 2 is no BOOL: 2');
  });
});
