// The door is strict: every malformed body gets the status and code of its fault, and the name of the field.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, type Problem } from './setup/client.js';
import { expectNoInternals } from './setup/expectations.js';
import { fixture, copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';

const ROW = Array.from({ length: 64 }, (_, index) => index % 17);
const TENSOR = { shape: [1, 64], datatype: 'FP32', data: ROW };
const SILERO = { input: [Array.from({ length: 576 }, () => 0)], state: { shape: [2, 1, 128], data: Array.from({ length: 256 }, () => 0) } };
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const pixels = (tensor: object): object => ({ inputs: { pixels: { ...TENSOR, ...tensor } } });
const row = (value: string): string => `{"instances":[[${[value, ...ROW.slice(1)].join()}]]}`;

let server: Server;
beforeAll(async () => {
  const names = ['digits', 'silero-vad', 'text-orientation', 'all-minilm-l6-v2'];
  const models = Object.fromEntries(names.map((name) => [name, shipped(name)]));
  const repository = await copied({ ...models, 'int64-identity': fixture('int64-identity'), logarithm: fixture('logarithm') });
  server = await Server.start({ MODEL_REPOSITORY: repository });
});
afterAll(async () => {
  const { code } = await server.stop();
  await removeRepositories();
  expect(code).toBe(0);
});

/** Sends a bad body and expects a problem that names the field. */
async function refused(model: string, body: unknown, field: string | RegExp, status = 400, code = 'INVALID_REQUEST'): Promise<void> {
  const answer = await post(`${server.url}/v1/models/${model}/predict`, body);
  const problem = answer.body as Problem;
  expect([answer.status, problem.code, problem.field]).toEqual([
    status,
    code,
    typeof field === 'string' ? field : expect.stringMatching(field),
  ]);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(problem).toMatchObject({ status, detail: expect.stringMatching(/\w/) as unknown });
  expectNoInternals(answer);
}

describe('the body', () => {
  it.each<[string, string, string]>([
    ['empty', '', 'body'],
    ['cut short', '{"instances":[[1,2', 'body'],
    ['no object but an array', '[]', 'body'],
    ['no object but null', 'null', 'body'],
    ['no object but a text', '"instances"', 'body'],
    ['with NaN as a bare word', row('NaN'), 'body'],
    ['with -Infinity as a bare word', row('-Infinity'), 'body'],
    ['with an unknown field', JSON.stringify({ instances: [ROW], nonsense: 1 }), 'nonsense'],
    ['with __proto__', `{"__proto__":{"id":"a"},"instances":[${JSON.stringify(ROW)}]}`, '__proto__'],
    ['with constructor', JSON.stringify({ instances: [ROW], constructor: { name: 'Object' } }), 'constructor'],
    ['with null as constructor', JSON.stringify({ instances: [ROW], constructor: null }), 'constructor'],
    ['with toString', JSON.stringify({ instances: [ROW], toString: 1 }), 'toString'],
    ['with neither inputs nor instances', '{}', 'inputs'],
    ['with both inputs and instances', JSON.stringify({ instances: [ROW], inputs: { pixels: TENSOR } }), 'inputs'],
    ['with instances that are no array', '{"instances":{"0":[]}}', 'instances'],
    ['with inputs that are no object', '{"inputs":[[1]]}', 'inputs'],
    ['without any instance', '{"instances":[]}', 'instances'],
    ['with outputs that are no names', JSON.stringify({ instances: [ROW], outputs: [1] }), 'outputs'],
    ['with outputs that are no array', JSON.stringify({ instances: [ROW], outputs: 'label' }), 'outputs'],
    ['with an unknown output', JSON.stringify({ instances: [ROW], outputs: ['label', 'nobody'] }), 'outputs'],
    ['with an id that is no text', JSON.stringify({ instances: [ROW], id: 1 }), 'id'],
    ['with an id that is too long', JSON.stringify({ instances: [ROW], id: 'x'.repeat(257) }), 'id'],
  ])('%s', (_, body, field) => refused('digits', body, field));

  it('that is not UTF-8', async () => {
    const answer = await post(`${server.url}/v1/models/digits/predict`, { instances: [ROW] });
    const bytes = await fetch(`${server.url}/v1/models/digits/predict`, { method: 'POST', body: Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d) });
    expect([answer.status, bytes.status, ((await bytes.json()) as Problem).field]).toEqual([200, 400, 'body']);
  });

  it.each([
    ['in instances', `{"instances":${nested(100_000)}}`, 'digits'],
    ['in a tensor', `{"inputs":{"pixels":${nested(100_000)}}}`, 'digits'],
    ['in a shape', `{"inputs":{"pixels":{"shape":${nested(100_000)},"data":[]}}}`, 'digits'],
    ['beside a long integer', `{"inputs":{"x":[[12345678901234567],${nested(100_000)}]}}`, 'int64-identity'],
    ['in an image', `{"instances":[{"image":${nested(100_000)}}]}`, 'text-orientation'],
  ])('nested 100,000 levels deep %s', (_, body, model) => refused(model, body, /./));
});

describe('a tensor', () => {
  it.each<[string, unknown, string | RegExp]>([
    ['of an unknown name', { inputs: { nobody: TENSOR } }, 'inputs.nobody'],
    ['named __proto__', `{"inputs":{"__proto__":${JSON.stringify(TENSOR)}}}`, 'inputs.__proto__'],
    ['that is missing', { inputs: {} }, 'inputs.pixels'],
    ['with an unknown member', pixels({ dtype: 'FP32' }), 'inputs.pixels.dtype'],
    ['of an unknown datatype', pixels({ datatype: 'FLOAT' }), 'inputs.pixels.datatype'],
    ['of another datatype than the model takes', pixels({ datatype: 'FP64' }), 'inputs.pixels.datatype'],
    ['without data', { inputs: { pixels: { shape: [1, 64] } } }, 'inputs.pixels.data'],
    ['of too low a rank', { inputs: { pixels: ROW } }, 'inputs.pixels.shape'],
    ['of too high a rank', pixels({ shape: [1, 1, 64] }), 'inputs.pixels.shape'],
    ['of the wrong width', pixels({ shape: [1, 63], data: ROW.slice(1) }), 'inputs.pixels.shape'],
    ['with too few elements', pixels({ data: ROW.slice(1) }), 'inputs.pixels.data'],
    ['with too many elements', pixels({ data: [...ROW, 1] }), 'inputs.pixels.data'],
    ['with ragged rows', { inputs: { pixels: [ROW, ROW.slice(1)] } }, 'inputs.pixels'],
    ['without rows', pixels({ shape: [0, 64], data: [] }), 'inputs.pixels.shape'],
    ['with a negative size', pixels({ shape: [-1, 64] }), 'inputs.pixels.shape'],
    ['with a fraction as a size', pixels({ shape: [1.5, 64] }), 'inputs.pixels.shape'],
    ['with a shape that is no array', pixels({ shape: '1x64' }), 'inputs.pixels.shape'],
    ['of a huge shape with little data', pixels({ shape: [1_000_000_000, 64] }), /^inputs\.pixels\.(data|shape)$/],
    ['of a huge shape with nested data', pixels({ shape: [1_000_000_000, 64], data: [ROW] }), /^inputs\.pixels\.(data|shape)$/],
    ['of a huge shape with no data', pixels({ shape: [9_007_199_254_740_991, 9_007_199_254_740_991, 0], data: [] }), /^inputs\.pixels/],
    ['with a text among its numbers', pixels({ data: ['1', ...ROW.slice(1)] }), 'inputs.pixels.data'],
    ['with null among its numbers', pixels({ data: [null, ...ROW.slice(1)] }), 'inputs.pixels.data'],
    ['with true among its numbers', pixels({ data: [true, ...ROW.slice(1)] }), 'inputs.pixels.data'],
    ['with an array among its numbers', pixels({ data: [0, [1], ...ROW.slice(2)] }), 'inputs.pixels.data'],
    ['with 1e400', row('1e400'), 'instances'],
    ['with more than a float32 holds', row('-3.5e38'), 'instances'],
  ])('%s', (_, body, field) => refused('digits', body, field));

  it.each<[string, unknown]>([
    ['a fraction', 16000.5],
    ['a text', '16000'],
    ['more than 64 bits', 1e30],
  ])('of integers with %s', (_, value) => refused('silero-vad', { inputs: { ...SILERO, sr: value } }, /^inputs\.sr/));

  it('whose datatype is a long integer', () =>
    refused('int64-identity', '{"inputs":{"x":{"datatype":9007199254740993,"data":[[1]]}}}', 'inputs.x.datatype'));

  it('whose integer is one more than 64 bits hold', () =>
    refused('int64-identity', '{"inputs":{"x":[[9223372036854775808]]}}', 'inputs.x'));
});

describe('an instance', () => {
  it.each<[string, string, unknown, string | RegExp]>([
    ['row that is too short', 'digits', { instances: [ROW.slice(1)] }, /^(instances|inputs\.pixels)/],
    ['row that differs from the others', 'digits', { instances: [ROW, ROW.slice(1)] }, 'instances'],
    ['picture that is no base64', 'text-orientation', { instances: [{ image: '%%%' }] }, 'instances[0].image'],
    ['picture that is none', 'text-orientation', { instances: [{ image: 'aGVsbG8=' }] }, 'instances[0].image'],
    ['picture that is missing', 'text-orientation', { instances: [{}] }, 'instances[0].image'],
    ['text that is a number', 'all-minilm-l6-v2', { instances: ['a', 1] }, 'instances[1]'],
    ['row for a model that does not batch', 'silero-vad', { instances: [SILERO] }, 'instances'],
  ])('%s', (_, model, body, field) => refused(model, body, field));
});

describe('what JSON can carry is carried', () => {
  it('integers beyond 2^53 come back to the digit', async () => {
    const digits = '9007199254740993,-9223372036854775808,9223372036854775807,-1,0';
    for (const body of [
      `{"inputs":{"x":[[${digits}]]}}`,
      `{"inputs":{"x":{"shape":[1,5],"datatype":"INT64","data":[${digits}]}}}`,
      `{"instances":[[${digits}]]}`,
    ]) {
      const { status, text } = await post(`${server.url}/v1/models/int64-identity/predict`, body);
      expect([status, text]).toEqual([200, expect.stringContaining(digits)]);
    }
  });

  it('an output with NaN is refused instead of written as null', () =>
    refused('logarithm', { inputs: { x: [[-1]] } }, 'y', 406, 'NOT_ACCEPTABLE'));

  it('an output that is asked for twice comes once', async () => {
    const { body } = await post(`${server.url}/v1/models/digits/predict`, { inputs: { pixels: TENSOR }, outputs: ['label', 'label'] });
    expect(Object.keys((body as { outputs: object }).outputs)).toEqual(['label']);
  });
});
