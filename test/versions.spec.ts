// Several versions of a model side by side: by number, by label, and by a split of the traffic.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { toJson } from '@bufbuild/protobuf';
import { GRPCInferenceService, ModelConfigResponseSchema } from '../src/grpc/inference_pb.js';
import { post, send, type Answer, type Problem } from './setup/client.js';
import { GrpcClient } from './setup/grpc.js';
import { inParallel } from './setup/load.js';
import { metric } from './setup/metrics.js';
import { fixture, removeRepositories, written, type Files } from './setup/repository.js';
import { Server } from './setup/server.js';
import { identityModel } from './soak/identity-model.js';

const MANIFEST = 'versionLabels: { stable: 1, canary: 3 }\ntraffic: { stable: 3, canary: 1 }\n';
const REQUESTS = 200;
const SMALL = 'runtime: { instances: 1 }\n';
const POLICIES = {
  newest: { yaml: '', policy: { latest: { num_versions: 1 } } },
  two: { yaml: 'versions: { latest: 2 }', policy: { latest: { num_versions: 2 } } },
  every: { yaml: 'versions: all', policy: { all: {} } },
  these: { yaml: 'versions: [2, 1]', policy: { specific: { versions: [2, 1] } } },
} as const;

let server: Server;
let client: GrpcClient;
beforeAll(async () => {
  const identity = identityModel('FP32', ['rows', 'values']);
  const policies = Object.entries(POLICIES).flatMap(([name, { yaml }]): [string, Files[string]][] => [
    [`${name}/1/model.onnx`, identity],
    [`${name}/2/model.onnx`, identity],
    [`${name}/model.yaml`, `${SMALL}${yaml}`],
  ]);
  const MODEL_REPOSITORY = await written({
    'm/1/model.onnx': identity,
    'm/2/model.onnx': identity,
    'm/3/model.onnx': { from: `${fixture('logarithm')}/1/model.onnx` },
    'm/model.yaml': MANIFEST,
    ...Object.fromEntries(policies),
    'sleeper/1/model.onnx': identity,
    'sleeper/model.yaml': `${SMALL}loading: { onDemand: true }`,
  });
  server = await Server.start({ MODEL_REPOSITORY, CACHE: 'off' });
  client = new GrpcClient(server.grpc);
});
afterAll(async () => {
  client.close();
  await server.stop();
  await removeRepositories();
});

const predict = (route = ''): Promise<Answer> => post(`${server.url}/v1/models/m${route}/predict`, { inputs: { x: [[1]] } });
const versionOf = ({ body }: Answer): string => (body as { version: string }).version;

it('serves those that have a label, whatever the policy, and no others', async () => {
  const { body } = await send(`${server.url}/v1/models/m`);
  expect(body).toMatchObject({
    versions: [{ version: '1' }, { version: '3' }],
    version_labels: { stable: '1', canary: '3' },
    traffic: { stable: 3, canary: 1 },
  });
  expect((await predict('/versions/2')).body).toMatchObject({
    status: 404,
    code: 'VERSION_NOT_FOUND',
    detail: expect.stringContaining('1, 3, stable, canary'),
  });
});

it.each([
  ['stable', '1', 1],
  ['canary', '3', 0],
  ['1', '1', 1],
  ['3', '3', 0],
])('answers under %s with version %s', async (label, version, value) => {
  const answer = await predict(`/versions/${label}`);
  expect(answer.body).toMatchObject({ version, outputs: { y: { data: [value] } } });
  expect(answer.headers.get('x-model-version')).toBe(version);
  const request = { inputs: [{ name: 'x', shape: [1, 1], datatype: 'FP32', data: [1] }] };
  expect((await post(`${server.url}/v2/models/m/versions/${label}/infer`, request)).body).toMatchObject({ model_version: version });
});

it.each([
  ['stable', true, ['1']],
  ['3', true, ['3']],
  ['', true, ['1', '3']],
  ['2', false, []],
])('says over gRPC whether %j is ready, and its statistics', async (version, ready, versions) => {
  const { modelReady, modelStatistics } = GRPCInferenceService.method;
  expect((await client.unary(modelReady, { name: 'm', version })).message?.ready).toBe(ready);
  const { message } = await client.unary(modelStatistics, { name: 'm', version });
  expect(message?.modelStats.map((each) => each.version) ?? []).toEqual(versions);
});

it('splits requests that name no version, and says in answers and metrics who served', async () => {
  const before = await metric(server, 'nestor_inference_duration_seconds_count', { version: '3' });
  const answers = await inParallel(Array.from({ length: REQUESTS }), 8, () => predict());
  for (const answer of answers) {
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-model-version')).toBe(versionOf(answer));
    expect(answer.body).toMatchObject({ outputs: { y: { data: [versionOf(answer) === '1' ? 1 : 0] } } });
  }
  const canary = answers.filter((answer) => versionOf(answer) === '3').length;
  // A quarter of them: 50, with a standard deviation of 6.
  expect(canary).toBeGreaterThan(20);
  expect(canary).toBeLessThan(80);
  const rows = await metric(server, 'nestor_batch_items_sum', { model: 'm', version: '3' });
  expect(rows).toBeGreaterThanOrEqual(canary);
  expect(await metric(server, 'nestor_inference_duration_seconds_count', { version: '3' })).toBeGreaterThan(before);
});

it.each(Object.entries(POLICIES))(
  'says in the configuration of %s which versions are served, over REST and gRPC',
  async (name, { policy }) => {
    expect((await send(`${server.url}/v2/models/${name}/config`)).body).toMatchObject({ name, version_policy: policy });
    const { message } = await client.unary(GRPCInferenceService.method.modelConfig, { name });
    const config = message && toJson(ModelConfigResponseSchema, message, { useProtoFieldName: true });
    // Protobuf's JSON writes 64-bit integers as texts.
    const texts = JSON.parse(JSON.stringify(policy), (key, value: unknown) =>
      key === 'versions' ? (value as number[]).map(String) : value,
    ) as object;
    expect(config).toMatchObject({ config: { name, version_policy: texts } });
  },
);

it('lists a model that is loaded on demand before it is loaded, and loads it for who asks for its signature', async () => {
  const card = async (): Promise<unknown> =>
    ((await send(`${server.url}/v1/models`)).body as { data: { id: string }[] }).data.find(({ id }) => id === 'sleeper');
  expect(await card()).toEqual({
    id: 'sleeper',
    object: 'model',
    created: expect.any(Number),
    owned_by: 'nestor',
    versions: [{ version: '1', state: 'unloaded' }],
  });
  for (const path of ['ready', 'versions/1/ready']) {
    const { status, headers, body } = await send(`${server.url}/v2/models/sleeper/${path}`);
    expect([status, (body as Problem).code, headers.has('retry-after')]).toEqual([503, 'MODEL_NOT_READY', true]);
  }
  for (const path of ['stats', 'versions/1/stats'])
    expect((await send(`${server.url}/v2/models/sleeper/${path}`)).body).toEqual({ model_stats: [] });
  expect((await send(`${server.url}/v2/models/sleeper`)).body).toMatchObject({ name: 'sleeper', versions: ['1'], inputs: [{ name: 'x' }] });
  expect((await send(`${server.url}/v2/models/sleeper/ready`)).body).toEqual({ name: 'sleeper', ready: true });
  expect(await card()).toMatchObject({ id: 'sleeper', task: 'tensors', versions: [{ version: '1', state: 'ready' }] });
  expect((await send(`${server.url}/v1/models/sleeper`)).body).toMatchObject({ id: 'sleeper', inputs: [{ name: 'x' }] });
});
