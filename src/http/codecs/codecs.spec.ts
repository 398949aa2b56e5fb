// Any tensor through any format and back is the same tensor, and whatever else comes in is refused by name.
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { NestorError } from '../../errors.js';
import { Prediction } from '../../inference/prediction.js';
import type { Model } from '../../models/model.js';
import { Signature } from '../../models/signature.js';
import { allocate, DATATYPES, elementCount, type Datatype, type Tensor } from '../../tensor.js';
import type { Codec, Encoded, Incoming } from './codec.js';
import { jsonCodec } from './json.codec.js';
import { msgpackCodec } from './msgpack.codec.js';
import { PredictRequestSchema, PredictResponseSchema } from './nestor_pb.js';
import { npyCodec } from './npy.codec.js';
import { octetStreamCodec } from './octet-stream.codec.js';
import { protobufCodec } from './protobuf.codec.js';
import { dataFromBytes } from '../../oip/raw-tensor.js';

const ALL = Object.keys(DATATYPES) as Datatype[];
const query = { input: { kind: 'tensors', tensors: [] }, byInstance: false } as const;

/** As much of a model as codecs look at. */
function modelOf({ datatype, shape }: Pick<Tensor, 'datatype' | 'shape'>): Model {
  const spec = { name: 'x', datatype, shape: shape.map(() => -1), axes: [] };
  return { name: 'any', version: '1', signature: new Signature([spec], [spec]) } as unknown as Model;
}

/** Turns an answer into the request that carries the same tensor. */
const ECHOES: readonly (readonly [string, Codec, readonly Datatype[], (body: Buffer) => Uint8Array])[] = [
  [
    'json',
    jsonCodec,
    ALL,
    (body) =>
      Buffer.from(
        body
          .toString()
          .replace('"outputs"', '"inputs"')
          .replace(/"(model|version)":"\w+",/g, ''),
      ),
  ],
  ['msgpack', msgpackCodec, ALL, (body) => encode({ inputs: (decode(body) as { outputs: unknown }).outputs })],
  [
    'protobuf',
    protobufCodec,
    ALL,
    (body) => toBinary(PredictRequestSchema, create(PredictRequestSchema, { inputs: fromBinary(PredictResponseSchema, body).outputs })),
  ],
  ['octet-stream', octetStreamCodec, ALL, (body) => body],
  ['npy', npyCodec, ALL.filter((datatype) => datatype !== 'BYTES'), (body) => body],
];

function tensors(datatypes: readonly Datatype[], finite: boolean): fc.Arbitrary<Tensor> {
  return fc.tuple(fc.constantFrom(...datatypes), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })).chain(([datatype, shape]) => {
    const count = elementCount(shape);
    const bytes = count * DATATYPES[datatype].bytes;
    const data =
      datatype === 'BYTES'
        ? fc.array(fc.string({ unit: 'grapheme' }), { minLength: count, maxLength: count })
        : fc
            .uint8Array({ minLength: bytes, maxLength: bytes, max: datatype === 'BOOL' ? 1 : 255 })
            .map((random) => dataFromBytes(random, datatype, shape, ''));
    return data.map((elements) => ({ name: 'x', datatype, shape, data: finite ? withoutNaN(elements, datatype) : elements }));
  });
}

function withoutNaN(data: Tensor['data'], datatype: Datatype): Tensor['data'] {
  if (!datatype.startsWith('FP')) return data;
  return (data as Float32Array).map((value) => (Number.isFinite(value) ? value : 1.5));
}

function joined(body: Encoded['body']): Buffer {
  if (body instanceof Readable) throw new Error('a small answer is no stream');
  if (typeof body === 'string') return Buffer.from(body);
  return Buffer.concat(body instanceof Uint8Array ? [body] : body);
}

async function decoded(codec: Codec, incoming: Incoming, model: Model): Promise<Tensor> {
  const { input } = (await codec.decodePrediction?.(incoming, model)) ?? query;
  if (input.kind !== 'tensors' || !input.tensors[0]) throw new Error('no tensor');
  return input.tensors[0];
}

describe.each(ECHOES)('%s', (name, codec, datatypes, echo) => {
  it('carries any tensor there and back', async () => {
    await fc.assert(
      fc.asyncProperty(tensors(datatypes, name === 'json'), async (tensor) => {
        const model = modelOf(tensor);
        const prediction = new Prediction(model, [[tensor]], { cache: 0, preprocess: 0, queue: 0, inference: 0 });
        const { body, headers = {} } = codec.encodePrediction?.(prediction, query) ?? { body: '' };
        const lower = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]));
        const bytes = Buffer.from(echo(joined(body)));
        expect(await decoded(codec, { bytes, headers: lower }, model)).toEqual(tensor);
      }),
      { numRuns: 200 },
    );
  });

  it('refuses noise by name', async () => {
    const tensor: Tensor = { name: 'x', datatype: 'FP32', shape: [2, 2], data: allocate('FP32', 4) };
    const model = modelOf(tensor);
    const prediction = new Prediction(model, [[tensor]], { cache: 0, preprocess: 0, queue: 0, inference: 0 });
    const valid = Buffer.from(echo(joined(codec.encodePrediction?.(prediction, query).body ?? '')));
    const mutations = fc.array(fc.tuple(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(mutations, fc.nat({ max: valid.length }), async (changes, length) => {
        const bytes = Buffer.from(valid.subarray(0, length));
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        try {
          await decoded(codec, { bytes, headers: { 'tensor-shape': '2, 2' } }, model);
        } catch (thrown) {
          if (thrown instanceof Error && thrown.message === 'no tensor') return;
          expect(thrown).toBeInstanceOf(NestorError);
          expect(thrown).toMatchObject({ code: 'INVALID_REQUEST', field: expect.any(String) });
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('memory', () => {
  it('is shared where it is aligned and copied where it is not', () => {
    const block = new ArrayBuffer(20);
    expect(dataFromBytes(new Uint8Array(block, 4, 16), 'FP32', [4], '')).toMatchObject({ buffer: block });
    const copy = dataFromBytes(new Uint8Array(block, 1, 16), 'FP32', [4], '') as Float32Array;
    expect(copy.buffer).not.toBe(block);
    expect(copy).toHaveLength(4);
  });
});
