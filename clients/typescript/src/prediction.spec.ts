// Any tensor is written as its bytes and read back the same, and what is no answer of Nestor's is said to be none.
import { describe, expect, it } from '@jest/globals';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { Answer } from './answer.js';
import { readVectors } from './embeddings.js';
import { NestorError } from './error.js';
import { readPrediction, readPredictions, writePrediction } from './prediction.js';
import type { TensorInput } from './tensor.js';

const ARRAYS: readonly fc.Arbitrary<unknown>[] = [
  fc.uint8Array(), fc.int8Array(), fc.uint16Array(), fc.int16Array(), fc.uint32Array(), fc.int32Array(),
  fc.float32Array(), fc.float64Array(), fc.bigInt64Array(), fc.bigUint64Array(),
  fc.float32Array().map((values) => Float16Array.from(values)),
]; // prettier-ignore
const arrays = fc.oneof(...ARRAYS) as fc.Arbitrary<Float32Array>;

const answer = (body: Uint8Array<ArrayBuffer>, type = 'application/msgpack', headers = {}): Promise<Answer> =>
  Answer.of(new Response(body, { headers: { 'Content-Type': type, 'X-Request-Id': 'abc', ...headers } }));
const answered = (outputs: unknown): Promise<Answer> => answer(encode({ model: 'm', version: '1', outputs }));
const GOOD = encode({ model: 'm', version: '1', outputs: { y: { datatype: 'FP32', shape: [2, 2], data: new Uint8Array(16) } } });

describe('tensors', () => {
  it('come back as they went, whatever their alignment', async () => {
    await fc.assert(
      fc.asyncProperty(arrays, fc.string(), async (data, name) => {
        const tensor = { shape: [data.length], data };
        const { inputs } = decode(await writePrediction({ [`x${name}`]: tensor }, undefined)) as { inputs: unknown };
        const { outputs } = readPrediction(await answered(inputs));
        expect(outputs[`x${name}`]).toMatchObject(tensor);
        expect(outputs[`x${name}`]?.data).toBeInstanceOf(data.constructor);
      }),
      { numRuns: 300 },
    );
  });

  it('are sent as part of a larger array without the rest of it', async () => {
    const { inputs } = decode(await writePrediction({ x: { shape: [2], data: Float32Array.of(1, 2, 3, 4).subarray(1, 3) } }, ['y'])) as {
      inputs: unknown;
    };
    expect(inputs).toEqual({ x: { shape: [2], datatype: 'FP32', data: new Uint8Array(Float32Array.of(2, 3).buffer) } });
  });

  it('keep the datatype that they are given', async () => {
    const flags: TensorInput = { shape: [2], datatype: 'BOOL', data: Uint8Array.of(0, 1) };
    expect(decode(await writePrediction({ flags }, undefined))).toMatchObject({ inputs: { flags: { datatype: 'BOOL' } } });
  });

  it('of texts are read from their frames', async () => {
    const frames = Buffer.concat(['', 'Zürich ✓'].map((text) => Buffer.concat([Uint32Array.of(Buffer.byteLength(text)), Buffer.from(text)].map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength))))); // prettier-ignore
    const { outputs } = readPrediction(await answered({ y: { datatype: 'BYTES', shape: [2], data: frames } }));
    expect(outputs.y?.data).toEqual(['', 'Zürich ✓']);
  });
});

describe('instances', () => {
  it('are rows as lists of numbers, pictures as bytes, and texts as they are', async () => {
    const instances = ['text', Float32Array.of(1, 2), { a: BigInt64Array.of(3n), image: new Blob(['png']) }, [[1], [2]], null];
    expect(decode(await writePrediction(instances, undefined))).toEqual({
      instances: ['text', [1, 2], { a: [3], image: new TextEncoder().encode('png') }, [[1], [2]], null],
    });
  });

  it('that cannot be sent are refused here', async () => {
    await expect(writePrediction([() => 1], undefined)).rejects.toMatchObject({ code: 'INVALID_REQUEST', field: 'inputs' });
    await expect(writePrediction({ x: null } as never, undefined)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });
});

describe('an answer that is none', () => {
  const tensor = (change: object): object => ({ y: { datatype: 'FP32', shape: [2], data: new Uint8Array(8), ...change } });

  it.each<[string, unknown, string]>([
    ['no outputs', undefined, 'it has no outputs'],
    ['an unknown datatype', tensor({ datatype: 'constructor' }), 'the output y: it has no datatype'],
    ['no shape', tensor({ shape: 'wide' }), 'the output y: it has no shape'],
    ['a shape below zero', tensor({ shape: [-2] }), 'the output y: it has no shape'],
    ['numbers for bytes', tensor({ data: [1, 2] }), 'the output y: its data are no bytes'],
    ['bytes missing', tensor({ shape: [3] }), 'the output y: 8 bytes are not 3 elements of FP32'],
    ['texts that end too late', tensor({ datatype: 'BYTES', data: Uint8Array.of(9, 0, 0, 0, 65) }), 'element 0 ends behind the last byte'],
    ['fewer texts', tensor({ datatype: 'BYTES', data: Uint8Array.of(0, 0, 0, 0) }), 'there are 1 texts and not 2'],
    ['another output', tensor({}), 'it lacks the output z'],
  ])('%s', async (_, outputs, message) => {
    const given = await answered(outputs);
    expect(() => readPrediction(given, ['z'])).toThrow(message);
    expect(() => readPrediction(given, ['z'])).toThrow(NestorError);
  });

  it('names the type and the id', async () => {
    const given = await answer(GOOD, 'text/html; charset=utf-8');
    expect(() => readPrediction(given)).toThrow("The answer is not one of Nestor's: It is text/html and not application/msgpack");
    expect(() => readPrediction(given)).toThrow(expect.objectContaining({ code: 'INVALID_ANSWER', status: 200, requestId: 'abc' }));
  });

  it('has fewer predictions than there were instances', async () => {
    const given = await answer(encode({ model: 'm', version: '1', predictions: [1] }));
    expect(readPredictions(given, 1).predictions).toEqual([1]);
    expect(() => readPredictions(given, 2)).toThrow('no prediction for each of 2 instances');
  });

  it('is found in whatever noise', async () => {
    const changes = fc.array(fc.tuple(fc.nat({ max: GOOD.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat({ max: GOOD.length }), async (some, length) => {
        const bytes = new Uint8Array(GOOD.slice(0, length));
        for (const [at, value] of some) if (at < length) bytes[at] = value;
        try {
          readPrediction(await answer(bytes));
        } catch (thrown) {
          expect(thrown).toMatchObject({ name: 'NestorError', code: 'INVALID_ANSWER' });
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('vectors', () => {
  const block = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  const vectors = async (shape: string, count: number): Promise<Float32Array[]> =>
    readVectors(await answer(block, 'application/octet-stream', { 'Tensor-Shape': shape }), count);

  it('are rows of one block', async () => {
    const [first, second] = await vectors('2, 2', 2);
    expect([first, second]).toEqual([Float32Array.of(1, 2), Float32Array.of(3, 4)]);
    expect(first?.buffer).toBe(second?.buffer);
  });

  it.each([
    ['', 2],
    ['2', 2],
    ['2, 2', 3],
    ['2, 1', 2],
    ['2, 2, 1', 2],
    ['2, x', 2],
    ['2, -2', 2],
  ])('of the shape [%s] for %i texts are none', async (shape, count) => {
    await expect(vectors(shape, count)).rejects.toMatchObject({ code: 'INVALID_ANSWER' });
  });
});
