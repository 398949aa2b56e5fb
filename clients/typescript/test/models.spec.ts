// The shipped models and every datatype through the client, as a user would call it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { digits, distance, MINILM, sentences, sound, WIDTH } from '../../../test/setup/fixtures.js';
import { FIXTURES } from '../../../test/setup/paths.js';
import { removeRepositories, shipped, written, type Files } from '../../../test/setup/repository.js';
import { Server } from '../../../test/setup/server.js';
import { identityModel } from '../../../test/soak/identity-model.js';
import { NestorClient, type Classification, type Tensor, type TensorInput } from '../src/main.js';

const SHIPPED = [MINILM, 'digits', 'silero-vad', 'text-orientation'];
const DATA: { readonly [D in Tensor['datatype']]: Tensor<D>['data'] } = {
  BOOL: Uint8Array.of(0, 1, 1, 0),
  UINT8: Uint8Array.of(0, 1, 128, 255),
  UINT16: Uint16Array.of(0, 1, 2, 65535),
  UINT32: Uint32Array.of(0, 1, 2, 4294967295),
  UINT64: BigUint64Array.of(0n, 9007199254740993n, 1n, 2n ** 64n - 1n),
  INT8: Int8Array.of(-128, 0, 1, 127),
  INT16: Int16Array.of(-32768, 0, 1, 32767),
  INT32: Int32Array.of(-(2 ** 31), 0, 1, 2 ** 31 - 1),
  INT64: BigInt64Array.of(-(2n ** 63n), 9007199254740993n, 0n, 2n ** 63n - 1n),
  FP16: Float16Array.of(0.5, -65504, 1 / 3, Infinity),
  FP32: Float32Array.of(0.5, -1e-40, NaN, -Infinity),
  FP64: Float64Array.of(0.1, -1e300, 5e-324, -0),
  BYTES: ['', 'plain', 'Zürich ✓', 'line\n'],
};
const heldOut = digits();
const all = sentences();

let server: Server;
let client: NestorClient;
beforeAll(async () => {
  const models = SHIPPED.map((name) => [name, { from: shipped(name) }] as const);
  const identities = Object.keys(DATA).map(
    (datatype) => [`${datatype.toLowerCase()}/1/model.onnx`, identityModel(datatype as Tensor['datatype'], ['rows', 'values'])] as const,
  );
  server = await Server.start({ MODEL_REPOSITORY: await written(Object.fromEntries<Files[string]>([...models, ...identities])) });
  client = new NestorClient(server.url);
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

describe('tensors', () => {
  it.each(Object.entries(DATA))('of %s come back as they went', async (datatype, data) => {
    const tensor = { shape: [2, 2], datatype, data } as Tensor;
    const { outputs } = await client.predict(datatype.toLowerCase(), { x: tensor });
    expect(outputs.y).toEqual(tensor);
    expect(outputs.y?.data).toBeInstanceOf(data.constructor);
  });

  it('say their datatype by their array', async () => {
    const { outputs } = await client.predict('int64', { x: { shape: [1, 2], data: BigInt64Array.of(-1n, 1n) } });
    expect(outputs.y).toEqual({ shape: [1, 2], datatype: 'INT64', data: BigInt64Array.of(-1n, 1n) });
    await expect(client.predict('int64', { x: { shape: [1, 1], data: Float64Array.of(1) } })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      status: 400,
      field: expect.stringMatching(/^inputs\.x/) as unknown,
    });
  });
});

describe('digits', () => {
  const model = () => client.model<{ pixels: 'FP32' }, { label: 'INT64'; probabilities: 'FP32' }, Classification>('digits');
  const count = heldOut.pixels.length;

  it('are told apart by tensors', async () => {
    const pixels = { shape: [count, 64], data: Float32Array.from(heldOut.pixels.flat()) };
    const { outputs, ...answered } = await model().predict({ pixels }, { requestId: 'mine' });
    expect(answered).toEqual({ model: 'digits', version: '1', requestId: 'mine' });
    const labels: BigInt64Array = outputs.label.data;
    expect(Array.from(labels, Number).filter((label, row) => label === heldOut.labels[row]).length).toBeGreaterThan(0.9 * count);
    expect(outputs.probabilities.shape).toEqual([count, 10]);
  });

  it('answer with the outputs that are named', async () => {
    const pixels = { shape: [1, 64], data: new Float32Array(64) };
    const { outputs } = await model().predict({ pixels }, { outputs: ['probabilities'] });
    expect(Object.keys(outputs)).toEqual(['probabilities']);
    // @ts-expect-error was not asked for
    expect(outputs.label).toBeUndefined();
  });

  it('answer instances with classes, rows as arrays or typed arrays', async () => {
    const rows = heldOut.pixels.slice(0, 3).map((row, index) => (index === 1 ? Float32Array.from(row) : row));
    const { predictions } = await model().predict(rows);
    const { predictions: untyped } = await client.predict('digits', rows, { version: '1' });
    expect(untyped).toEqual(predictions);
    expect(predictions.map(({ label }) => Number(label))).toEqual(heldOut.labels.slice(0, 3));
    expect(predictions[0]?.score).toBeGreaterThan(0.5);
  });

  it('have types that the compiler knows', () => {
    // @ts-expect-error an input of another name
    const other = () => model().predict({ pixel: { shape: [1, 64], data: new Float32Array(64) } });
    // @ts-expect-error another datatype
    const wrong = () => model().predict({ pixels: { shape: [1, 64], data: new BigInt64Array(64) } });
    // @ts-expect-error an output that there is not
    const none = () => model().predict({ pixels: { shape: [1, 64], data: new Float32Array(64) } }, { outputs: ['scores'] });
    expect([other, wrong, none]).toHaveLength(3);
  });
});

describe('embeddings', () => {
  const some = all.slice(0, 24);

  it('are the vectors of the texts, in order, as rows of one block', async () => {
    const vectors = await client.embed(some.map(({ text }) => text), { model: MINILM }); // prettier-ignore
    expect(vectors.map((vector, index) => distance([...vector], some[index]?.vector ?? []) < 1e-5)).not.toContain(false);
    expect(new Set(vectors.map(({ buffer }) => buffer)).size).toBe(1);
    expect(vectors[23]?.byteOffset).toBe(23 * WIDTH * 4);
  });

  it('are the same for token ids, and shorter when asked', async () => {
    const [vector] = await client.embed(some.slice(0, 1).map(({ ids }) => ids), { model: MINILM }); // prettier-ignore
    expect(distance([...(vector ?? [])], some[0]?.vector ?? [])).toBeLessThan(1e-5);
    const [short = new Float32Array()] = await client.embed(['a text'], { model: MINILM, dimensions: 128 });
    expect(short).toHaveLength(128);
    expect(Math.hypot(...short)).toBeCloseTo(1, 5);
  });

  it('of no text, of an empty one and of a model without them are refused', async () => {
    await expect(client.embed([], { model: MINILM })).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'input' });
    await expect(client.embed(['a', ''], { model: MINILM })).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'input[1]' });
    await expect(client.embed(['a'], { model: 'digits' })).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'model' });
    await expect(client.embed(['a'], { model: 'nobody' })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND', status: 404 });
  });

  it('come from texts as instances too', async () => {
    const { predictions } = await client.model(MINILM).predict([some[0]?.text], { outputs: ['sentence_embedding'] });
    expect(distance(predictions[0] as number[], some[0]?.vector ?? [])).toBeLessThan(1e-5);
  });
});

it('pictures are bytes or blobs', async () => {
  const [upright, turned] = [0, 180].map((degrees) => readFileSync(join(FIXTURES, `text-line-${degrees}.png`)));
  const model = client.model<Record<string, 'FP32'>, Record<string, 'FP32'>, Classification<'0' | '180'>>('text-orientation');
  const { predictions } = await model.predict([{ image: upright }, { image: new Blob([new Uint8Array(turned ?? [])]) }]);
  expect(predictions.map(({ label }) => label)).toEqual(['0', '180']);
});

it('speech is heard: several tensors, a scalar of INT64, a state that goes back', async () => {
  const vad = client.model<{ input: 'FP32'; state: 'FP32'; sr: 'INT64' }, { output: 'FP32'; stateN: 'FP32' }>('silero-vad');
  const sr = { shape: [], data: BigInt64Array.of(16000n) };
  const heard: number[] = [];
  let state: TensorInput<'FP32'> = { shape: [2, 1, 128], data: new Float32Array(256) };
  for (const frame of sound('speech')) {
    const input = { shape: [1, 576], data: Float32Array.from(frame) };
    const { outputs } = await vad.predict({ input, state, sr });
    heard.push(outputs.output.data[0] ?? NaN);
    state = outputs.stateN;
  }
  expect(Math.max(...heard)).toBeGreaterThan(0.9);
});

describe('what is served', () => {
  it('is listed and described', async () => {
    const models = await client.models();
    expect(models.map(({ id }) => id)).toEqual(expect.arrayContaining(SHIPPED));
    expect(await client.model('digits').describe()).toMatchObject({
      id: 'digits',
      version: '1',
      task: 'classification',
      inputs: [{ name: 'pixels', datatype: 'FP32', shape: [-1, 64] }],
    });
    await expect(client.model('nobody').describe()).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND', field: 'model' });
  });

  it('is ready', async () => {
    const { ready, checks } = await client.health();
    expect(ready).toBe(true);
    expect(Object.values(checks).map(({ status }) => status)).not.toContain('down');
  });

  it.each(['7', '01'])('has no version %s', async (version) => {
    await expect(client.predict('digits', [heldOut.pixels[0]], { version })).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' });
  });
});
