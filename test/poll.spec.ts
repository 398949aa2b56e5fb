// A repository that is watched: what is put there serves, what is mended comes back, what is removed goes.
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { post, send, type Answer } from './setup/client.js';
import { removeRepositories, written } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';
import { identityModel } from './soak/identity-model.js';

const IDENTITY = identityModel('FP32', ['rows', 'values']);

let server: Server;
let repository: string;
beforeAll(async () => {
  repository = await written({ 'm/1/model.onnx': IDENTITY, 'bad/1/model.onnx': 'nonsense', 'my model/1/model.onnx': IDENTITY });
  server = await Server.start({ MODEL_REPOSITORY: repository, MODEL_POLL_SECONDS: '1', ADMIN_API: 'on' });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

const predict = (model: string): Promise<Answer> => post(`${server.url}/v1/models/${model}/predict`, { inputs: { x: [[1]] } });
const reasonOf = async (name: string): Promise<string | undefined> => {
  const { body } = await post(`${server.url}/v2/repository/index`, '');
  return (body as { name: string; reason: string }[]).find((entry) => entry.name === name)?.reason;
};
const served = (model: string, version: string): Promise<true> =>
  until(`${model}/${version} to serve`, async () => (await predict(model)).headers.get('x-model-version') === version || undefined);

it('starts without the models that cannot be loaded, and says why', async () => {
  expect((await predict('m')).status).toBe(200);
  expect(await reasonOf('bad')).toMatch(/\/bad\/1: .*protobuf/i);
  expect(server.output).toContain('my model');
  expect((await send(`${server.url}/health/ready`)).status).toBe(200);
});

it('loads what is mended, and a newer version beside the old one', async () => {
  await writeFile(join(repository, 'bad/1/model.onnx'), IDENTITY);
  await cp(join(repository, 'm/1'), join(repository, 'm/2'), { recursive: true });
  await Promise.all([served('bad', '1'), served('m', '2')]);
  expect(await reasonOf('bad')).toBe('');
});

it('goes back to the old version where the newer one is removed, and takes a model out that is gone', async () => {
  await rm(join(repository, 'm/2'), { recursive: true });
  await rm(join(repository, 'bad'), { recursive: true });
  await served('m', '1');
  await until('the other to be gone', async () => (await predict('bad')).status === 404 || undefined);
});

it('does not bring back what was unloaded by request', async () => {
  await cp(join(repository, 'm'), join(repository, 'sign'), { recursive: true });
  await served('sign', '1');
  expect((await post(`${server.url}/v2/repository/models/m/unload`, '')).status).toBe(200);
  await writeFile(join(repository, 'm/model.yaml'), 'versions: all');
  await writeFile(join(repository, 'sign/model.yaml'), 'versionLabels: { late: 1 }');
  await until('the next look', async () => (await post(`${server.url}/v1/models/sign/versions/late/predict`, { inputs: { x: [[1]] } })).status === 200 || undefined); // prettier-ignore
  expect((await predict('m')).status).toBe(404);
});
