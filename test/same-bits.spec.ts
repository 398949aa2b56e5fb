// The same tensors through every format, and over gRPC, give the same bits: identity models of every datatype and rank, and the four shipped models.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GRPCInferenceService } from '../src/grpc/inference_pb.js';
import { dataFromBytes } from '../src/oip/raw-tensor.js';
import { DATATYPES, elementCount, type Datatype, type Tensor } from '../src/tensor.js';
import { digits, MINILM, sentences, sound } from './setup/fixtures.js';
import { blockOf, FORMATS, send, type Block, type Format } from './setup/formats.js';
import { GrpcClient } from './setup/grpc.js';
import { ONE_WORKER, removeRepositories, shipped, written, type Files } from './setup/repository.js';
import { Server } from './setup/server.js';
import { identityModel } from './soak/identity-model.js';

const NAMES = Object.keys(DATATYPES) as Datatype[];
const RANKS = [0, 1, 2, 4];
const modelOf = (datatype: Datatype, rank: number): string => `${datatype.toLowerCase()}-${rank}`;
const SHIPPED = ['digits', 'silero-vad', 'text-orientation', MINILM];
/** Elements of one tensor: enough to be written in pieces, streamed and moved, from 128 kB on. */
const LARGE = 40_000;

let server: Server;
let client: GrpcClient;
beforeAll(async () => {
  const axes = ['a', 'b', 'c', 'd'];
  const identities = NAMES.flatMap((datatype) =>
    RANKS.flatMap((rank) => [
      [`${modelOf(datatype, rank)}/1/model.onnx`, identityModel(datatype, axes.slice(0, rank))] as const,
      // A thread each is enough for so many.
      [`${modelOf(datatype, rank)}/model.yaml`, ONE_WORKER] as const,
    ]),
  );
  const real = SHIPPED.map((name) => [name, { from: shipped(name) }] as const);
  server = await Server.start({
    MODEL_REPOSITORY: await written({ ...Object.fromEntries<Files[string]>(identities), ...Object.fromEntries(real) }),
    CACHE: 'off',
  });
  client = new GrpcClient(server.grpc);
});
afterAll(async () => {
  client.close();
  await server.stop();
  await removeRepositories();
});

async function through(format: Format, model: string, inputs: readonly Tensor[], outputs: readonly string[]): Promise<Block[]> {
  const { status, headers, body } = await send(server.url, format.write(model, inputs, outputs));
  if (status !== 200) throw new Error(`${format.name} is answered ${status}: ${body.toString().slice(0, 300)}`);
  return format.read(body, headers).map((block) => (format.single ? { ...block, name: outputs[0] ?? '' } : block));
}

async function throughGrpc(modelName: string, inputs: readonly Tensor[], outputs: readonly string[]): Promise<Block[]> {
  const described = inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(BigInt) }));
  const { status, details, message } = await client.unary(GRPCInferenceService.method.modelInfer, {
    modelName,
    inputs: described,
    outputs: outputs.map((name) => ({ name })),
    rawInputContents: inputs.map((input) => blockOf(input).bytes),
  });
  if (status !== 'OK') throw new Error(`gRPC answers ${status}: ${details}`);
  return (message?.outputs ?? []).map(({ name, datatype, shape }, index) => ({
    name,
    datatype,
    shape: shape.map(Number),
    bytes: Buffer.from(message?.rawOutputContents[index] ?? []),
  }));
}

/** A way through which the same tensors go. */
interface Door {
  readonly name: string;
  readonly ask: (model: string, inputs: readonly Tensor[], outputs: readonly string[]) => Promise<Block[]>;
}

const doors = (inputs: readonly Tensor[], outputs: readonly string[]): Door[] => [
  ...fitting(inputs, outputs).map((format) => ({ name: format.name, ask: through.bind(undefined, format) })),
  { name: 'gRPC', ask: throughGrpc },
];

/** Short enough to be read when they differ. */
const shown = (blocks: readonly Block[] = []): object[] =>
  blocks.map(({ bytes, ...block }) => ({
    ...block,
    bytes: bytes.length > 64 ? createHash('sha256').update(bytes).digest('hex') : bytes.toString('hex'),
  }));

/** Formats that carry all inputs; the others are left out. */
const fitting = (inputs: readonly Tensor[], outputs: readonly string[]): Format[] =>
  FORMATS.filter(({ carries, single }) => inputs.every(carries) && (!single || inputs.length + outputs.length === 2));

function tensorOf(datatype: Datatype, shape: readonly number[]): fc.Arbitrary<Tensor> {
  const count = elementCount(shape);
  if (datatype === 'BYTES') {
    const texts = fc.array(
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
      { minLength: count, maxLength: count },
    );
    return texts.map((data) => ({ name: 'x', datatype, shape, data }));
  }
  const bytes = count * DATATYPES[datatype].bytes;
  return fc
    .uint8Array({ minLength: bytes, maxLength: bytes, max: datatype === 'BOOL' ? 1 : 255 })
    .map((random) => ({ name: 'x', datatype, shape, data: dataFromBytes(random, datatype, shape, '') }));
}

/** NaN, infinities and zeros with a sign among numbers that JSON carries as well. */
function finite(tensor: Tensor): Tensor {
  const { data, datatype } = tensor;
  if (!datatype.startsWith('FP')) return tensor;
  return {
    ...tensor,
    data: (data as Float32Array).map((value, index) => (Number.isFinite(value) ? value : ([-0, 0, 0.1][index % 3] ?? 0))),
  };
}

describe.each(NAMES)('tensors of %s', (datatype) => {
  const shapes = fc.constantFrom(...RANKS).chain((rank) => fc.array(fc.integer({ min: 1, max: 4 }), { minLength: rank, maxLength: rank }));
  const tensors = shapes.chain((shape) => tensorOf(datatype, shape));

  const echoes = async (tensor: Tensor): Promise<string[]> => {
    const model = modelOf(datatype, tensor.shape.length);
    const formats = doors([tensor], ['y']);
    const answers = await Promise.all(formats.map(({ ask }) => ask(model, [tensor], ['y'])));
    const expected = [{ ...blockOf(tensor), name: 'y' }];
    for (const [index, answer] of answers.entries())
      expect([formats[index]?.name, shown(answer)]).toEqual([formats[index]?.name, shown(expected)]);
    return formats.map(({ name }) => name);
  };

  it('come back as they went, in every format and rank', async () => {
    await fc.assert(
      fc.asyncProperty(tensors, fc.boolean(), async (tensor, anyBits) => {
        await echoes(anyBits ? tensor : finite(tensor));
      }),
      { numRuns: 12 },
    );
  });

  it('come back as they went when they are large', async () => {
    const shape = datatype === 'BYTES' ? [2, 100] : [2, LARGE / 2];
    const [tensor] = fc.sample(tensorOf(datatype, shape), { numRuns: 1, seed: 1 });
    if (!tensor) throw new Error('no sample');
    const formats = await echoes(finite(tensor));
    expect(formats.length).toBeGreaterThanOrEqual(FORMATS.length);
  });
});

it.each([[[0]], [[0, 3]], [[2, 0, 2, 2]]])('a tensor of shape %j is refused by name in every format: no axis may be 0', async (shape) => {
  const tensor: Tensor = { name: 'x', datatype: 'FP32', shape, data: new Float32Array(0) };
  for (const format of fitting([tensor], ['y'])) {
    const { status, body } = await send(server.url, format.write(modelOf('FP32', shape.length), [tensor], ['y']));
    expect([format.name, status, JSON.parse(body.toString())]).toEqual([
      format.name,
      400,
      expect.objectContaining({ field: expect.any(String) }),
    ]);
  }
});

describe('a shipped model', () => {
  const [first, second] = digits().pixels;
  const int64 = (name: string, rows: readonly (readonly number[])[]): Tensor => ({
    name,
    datatype: 'INT64',
    shape: [rows.length, rows[0]?.length ?? 0],
    data: BigInt64Array.from(rows.flat().map(BigInt)),
  });
  const float = (name: string, shape: readonly number[], values: readonly number[]): Tensor => ({
    name,
    datatype: 'FP32',
    shape,
    data: Float32Array.from(values),
  });
  const [sentence] = sentences();
  const ids = sentence?.ids ?? [];
  const CASES: readonly (readonly [string, readonly Tensor[], readonly string[]])[] = [
    ['digits', [float('pixels', [2, 64], [...(first ?? []), ...(second ?? [])])], ['probabilities']],
    ['digits', [float('pixels', [2, 64], [...(first ?? []), ...(second ?? [])])], ['label', 'probabilities']],
    ['silero-vad', [float('input', [1, 576], sound('speech')[3] ?? []), float('state', [2, 1, 128], Array<number>(256).fill(0)), { name: 'sr', datatype: 'INT64', shape: [], data: BigInt64Array.of(16000n) }], ['output', 'stateN']],
    ['text-orientation', [float('x', [1, 3, 48, 192], Array.from({ length: 3 * 48 * 192 }, (_, i) => Math.sin(i)))], []],
    [MINILM, [int64('input_ids', [ids]), int64('attention_mask', [ids.map(() => 1)]), int64('token_type_ids', [ids.map(() => 0)])], ['sentence_embedding']],
  ]; // prettier-ignore

  it.each(CASES)('%s answers with the same bits', async (model, inputs, wanted) => {
    const { inputs: known, outputs: named } = (await (await fetch(`${server.url}/v2/models/${model}`)).json()) as Record<
      string,
      { name: string }[]
    >;
    const outputs = wanted.length > 0 ? wanted : (named ?? []).map(({ name }) => name);
    const fed = inputs.map((input, index) => (inputs.length === 1 ? { ...input, name: known?.[index]?.name ?? '' } : input));
    const formats = doors(fed, outputs);
    // One after the other: together they would share a batch, which changes the order of sums.
    const answers: Block[][] = [];
    for (const { ask } of formats) answers.push(await ask(model, fed, outputs));
    expect(answers[0]).toHaveLength(outputs.length);
    for (const [index, answer] of answers.entries())
      expect([formats[index]?.name, shown(answer)]).toEqual([formats[index]?.name, shown(answers[0])]);
    expect(formats.length).toBe(FORMATS.length + 1 - (inputs.length + outputs.length === 2 ? 0 : 2));
  });
});
