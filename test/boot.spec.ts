// What is wrong with the environment or the repository stops the boot and names itself; what is right serves without a word.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { post, send } from './setup/client.js';
import { digits, MINILM } from './setup/fixtures.js';
import { freePort } from './setup/port.js';
import { fixture, removeRepositories, shipped, written, type Files } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

const DIGITS = join(shipped('digits'), '1/model.onnx');
const INTEGERS = join(fixture('int64-identity'), '1/model.onnx');
/** Enough of a model that its threads take a while to find out. */
const HALF = readFileSync(join(shipped(MINILM), '1/model.onnx')).subarray(0, 30_000_000);
const LOGARITHM = join(fixture('logarithm'), '1/model.onnx');

let server: Server | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});
afterAll(removeRepositories);

/** A boot that must fail: exit code 1, the reason on the terminal, no stack trace. */
async function failing(env: NodeJS.ProcessEnv): Promise<string> {
  server = Server.launch(env);
  const { code, output } = await server.ended();
  expect(code).toBe(1);
  expect(output).toContain('Nestor cannot start.');
  expect(output).not.toMatch(/\n\s+at /);
  return output;
}

// Each alone is in src/config/environment.spec.ts.
describe('a bad environment stops the boot and names the variable', () => {
  it('one', async () => {
    expect(await failing({ PORT: '65536' })).toContain('PORT=65536: ');
  });

  it('all of them at once', async () => {
    const bad = {
      PORT: 'http',
      GRPC_PORT: '-1',
      GRPC_API: 'perhaps',
      LOG_LEVEL: 'loud',
      BODY_LIMIT_BYTES: '10',
      DRAIN_SECONDS: '-1',
      SHUTDOWN_GRACE_SECONDS: '1.5',
      ADMIN_API: 'maybe',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_SAMPLER: 'sometimes',
    };
    const output = await failing(bad);
    for (const [name, value] of Object.entries(bad)) expect(output).toContain(`  ${name}=${value}: `);
  });

  it.each(['PORT', 'GRPC_PORT'])('a %s that is taken', async (name) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const repository = await written({ 'plain/1/model.onnx': { from: LOGARITHM } });
    const output = await failing({ [name]: String(port), MODEL_REPOSITORY: repository });
    taken.close();
    expect(output).toContain(`${port}`);
    expect(output).toContain('EADDRINUSE');
  });
});

describe('a broken repository stops the boot with the path and the reason', () => {
  it('one that is not there', async () => {
    expect(await failing({ MODEL_REPOSITORY: '/nowhere/models' })).toMatch(/\/nowhere\/models/);
  });

  const plain = { 'm/1/model.onnx': { from: DIGITS } };
  const texts = { 'm/1': { from: join(shipped(MINILM), '1') } };
  it.each<[string, Files, RegExp]>([
    ['an empty one', {}, /holds no model/],
    ['a model file that is none', { 'm/1/model.onnx': 'nonsense' }, /\/m\/1: .*(protobuf|parse|load)/i],
    ['a model file that was cut', { ...texts, 'm/1/model.onnx': HALF }, /\/m\/1: .*(protobuf|parse|load)/i],
    ['an empty model file', { 'm/1/model.onnx': '' }, /\/m\/1: \S/],
    ['a version without a model', { 'm/1/readme.txt': '' }, /\/m\/1 holds neither model\.onnx/],
    ['a name that cannot be a model', { 'my model/1/model.onnx': { from: DIGITS } }, /\/my model: .*name/],
    ['an unknown key in model.yaml', { ...plain, 'm/model.yaml': 'nonsense: 1' }, /\/m\/model\.yaml .*\n.*nonsense/],
    ['an unknown key deep in model.yaml', { ...plain, 'm/model.yaml': 'runtime: { threds: 2 }' }, /\/m\/model\.yaml .*\n.*runtime\.threds/],
    ['a bad value in model.yaml', { ...plain, 'm/model.yaml': 'task: guessing' }, /\/m\/model\.yaml .*\n.*task/],
    ['a model.yaml that is no YAML', { ...plain, 'm/model.yaml': 'a: [1' }, /\/m\/model\.yaml is not YAML/],
    ['a tokenizer that is none', { ...texts, 'm/1/tokenizer.json': '{"version":' }, /\/m\/1\/tokenizer\.json/],
    ['a config that is no JSON', { ...texts, 'm/1/config.json': '{' }, /\/m\/1\/config\.json is not JSON/],
    [
      'a demand that the graph cannot meet',
      { ...plain, 'm/model.yaml': 'inputs: { pixels: { shape: [1, 3] } }' },
      /\/m\/1: .*\n.*inputs\.pixels/,
    ],
  ])('%s', async (_, files, reason) => {
    expect(await failing({ MODEL_REPOSITORY: await written(files) })).toMatch(reason);
  });

  it('a provider that this machine lacks, instead of the CPU without a word', async () => {
    const repository = await written({ ...plain, 'm/model.yaml': 'runtime: { provider: cuda }' });
    expect(await failing({ MODEL_REPOSITORY: repository })).toMatch(/\/m\/1: .*cuda.*runtime\.provider: cpu/i);
  });
});

describe('what is right serves', () => {
  async function serve(files: Files): Promise<string> {
    server = await Server.start({ MODEL_REPOSITORY: await written(files) });
    return server.url;
  }

  it('a folder with only 1/model.onnx, as plain tensors', async () => {
    const url = await serve({ 'plain/1/model.onnx': { from: DIGITS } });
    expect((await send(`${url}/v1/models/plain`)).body).toMatchObject({ task: 'tensors', inputs: [{ name: 'pixels' }] });
    const { pixels, labels } = digits();
    const { body } = await post(`${url}/v1/models/plain/predict`, { inputs: { pixels: pixels.slice(0, 1) } });
    expect(body).toMatchObject({ outputs: { label: { data: [labels[0]] }, probabilities: { shape: [1, 10] } } });
    const rows = await post(`${url}/v1/models/plain/predict`, { instances: pixels.slice(0, 1) });
    expect(rows.body).toMatchObject({ predictions: [{ label: labels[0] }] });
  });

  it('the newest version by number, and each by its own', async () => {
    const url = await serve({
      'm/2/model.onnx': { from: INTEGERS },
      'm/10/onnx/model.onnx': { from: LOGARITHM },
      'm/model.yaml': 'versions: all',
    });
    const { body } = await send(`${url}/v1/models/m`);
    expect(body).toMatchObject({
      version: '10',
      versions: [
        { version: '2', state: 'ready' },
        { version: '10', state: 'ready' },
      ],
    });
    const predict = async (route: string) => (await post(`${url}/v1/models/m${route}/predict`, { inputs: { x: [[1]] } })).body;
    expect(await predict('')).toMatchObject({ version: '10', outputs: { y: { datatype: 'FP32', data: [0] } } });
    expect(await predict('/versions/2')).toMatchObject({ version: '2', outputs: { y: { datatype: 'INT64', data: [1] } } });
  });

  it('without information in the log where LOG_LEVEL says warn', async () => {
    const port = await freePort();
    server = Server.launch({
      MODEL_REPOSITORY: await written({ 'm/1/model.onnx': { from: DIGITS } }),
      LOG_LEVEL: 'warn',
      PORT: String(port),
    });
    await until('the server to be ready', () => send(`http://127.0.0.1:${port}/health/ready`).then(({ status }) => status === 200 || undefined, () => undefined)); // prettier-ignore
    expect(server.output).toBe('');
  });
});

it('leaves nothing in the home folder: what ONNX Runtime would tell Microsoft is off', async () => {
  const home = await written({});
  server = await Server.start({ HOME: home, MODEL_REPOSITORY: await written({ 'digits/1': { from: join(shipped('digits'), '1') } }) });
  expect(await readdir(home)).toEqual([]);
  expect(server.output).not.toMatch(/telemetry/i);
});
