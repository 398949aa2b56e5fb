// Models come and go while the server runs: nothing that was accepted is lost, and what cannot be loaded changes nothing.
import { once } from 'node:events';
import { cp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, send, type Answer } from '../setup/client.js';
import { MINILM } from '../setup/fixtures.js';
import { metric } from '../setup/metrics.js';
import { fixture, removeRepositories, shipped, written } from '../setup/repository.js';
import { Server } from '../setup/server.js';
import { until } from '../setup/until.js';
import { identityModel } from '../soak/identity-model.js';

const IDENTITY = identityModel('FP32', ['rows', 'values']);
const LOGARITHM = join(fixture('logarithm'), '1/model.onnx');
const RELOADS = 12;

let server: Server;
let repository: string;
beforeAll(async () => {
  repository = await written({ 'm/1/model.onnx': IDENTITY, 'other/1/model.onnx': IDENTITY });
  server = await Server.start({ MODEL_REPOSITORY: repository, ADMIN_API: 'on', CACHE: 'off' });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

interface Entry {
  readonly version: string;
  readonly state: string;
  readonly reason: string;
}

const predict = (model = 'm'): Promise<Answer> => post(`${server.url}/v1/models/${model}/predict`, { inputs: { x: [[1]] } });
const admin = (model: string, operation: 'load' | 'unload', body: unknown = ''): Promise<Answer> =>
  post(`${server.url}/v2/repository/models/${encodeURIComponent(model)}/${operation}`, body);
const put = (path: string, content: Uint8Array | string): Promise<void> => writeFile(join(repository, path), content);

async function index(model: string): Promise<Entry[]> {
  const { body } = await post(`${server.url}/v2/repository/index`, '');
  return (body as (Entry & { name: string })[]).filter(({ name }) => name === model);
}

/** Clients that ask without a pause until they are told to stop; every answer that they had. */
function underLoad(clients: number): () => Promise<Answer[]> {
  let stopped = false;
  const answers: Answer[] = [];
  const client = async (): Promise<void> => {
    while (!stopped) answers.push(await predict());
  };
  const running = Promise.all(Array.from({ length: clients }, client));
  return async () => {
    stopped = true;
    await running;
    return answers;
  };
}

describe('a load', () => {
  it('exchanges versions under load without a failed request, and the old ones end', async () => {
    const stop = underLoad(4);
    for (let version = 2; version <= RELOADS; version++) {
      await cp(join(repository, `m/${version - 1}`), join(repository, `m/${version}`), { recursive: true });
      expect(await admin('m', 'load', {})).toMatchObject({ status: 200, body: { name: 'm', load: true } });
    }
    const answers = await stop();
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(answers.map(({ headers }) => headers.get('x-model-version'))).size).toBeGreaterThan(2);
    expect((await predict()).headers.get('x-model-version')).toBe(String(RELOADS));
    await until('the old versions to be gone', async () => (await index('m')).length === 1 || undefined);
    expect(await index('m')).toEqual([{ name: 'm', version: String(RELOADS), state: 'READY', reason: '' }]);
    const metrics = await send(`${server.url}/metrics`);
    expect(metrics.text).not.toContain('model="m",version="1"');
  });

  it('exchanges a version whose files changed, and leaves one alone whose files did not', async () => {
    const loads = (): number => server.output.split('other/1 serves').length;
    const before = loads();
    expect((await admin('other', 'load')).status).toBe(200);
    expect(loads()).toBe(before);
    await cp(LOGARITHM, join(repository, 'other/1/new.onnx'));
    await rename(join(repository, 'other/1/new.onnx'), join(repository, 'other/1/model.onnx'));
    expect((await admin('other', 'load')).status).toBe(200);
    expect((await predict('other')).body).toMatchObject({ outputs: { y: { data: [0] } } });
  });

  it('takes over new labels without loading a version anew', async () => {
    const loads = (): number => server.output.split('other/1 serves').length - 1;
    await until('both loads so far to be said', () => loads() >= 2 || undefined);
    await put('other/model.yaml', 'versionLabels: { stable: 1 }\n');
    expect((await admin('other', 'load')).status).toBe(200);
    const { status } = await post(`${server.url}/v1/models/other/versions/stable/predict`, { inputs: { x: [[1]] } });
    expect([status, loads()]).toEqual([200, 2]);
  });

  it('brings a model that came later', async () => {
    await cp(join(repository, 'other'), join(repository, 'late'), { recursive: true });
    expect((await predict('late')).status).toBe(404);
    expect((await admin('late', 'load')).status).toBe(200);
    expect((await predict('late')).status).toBe(200);
  });
});

describe('an unload', () => {
  it('under load answers everything that was accepted', async () => {
    expect((await admin('m', 'load')).status).toBe(200);
    const stop = underLoad(8);
    await until('requests to be served', async () => (await metric(server, 'nestor_batch_items_count', { model: 'm' })) > 50 || undefined);
    expect(await admin('m', 'unload', { parameters: { unload_dependents: false } })).toMatchObject({ status: 200, body: { unload: true } });
    const answers = await stop();
    const refused = answers.filter(({ status }) => status !== 200);
    expect(answers.length).toBeGreaterThan(refused.length);
    for (const { body } of refused) expect(body).toMatchObject({ status: 404, code: 'MODEL_NOT_FOUND' });
    await until('its threads to end', async () => (await index('m'))[0]?.state === 'UNAVAILABLE' || undefined);
    expect(await index('m')).toMatchObject([{ state: 'UNAVAILABLE', reason: 'unloaded' }]);
    expect((await send(`${server.url}/health/ready`)).status).toBe(200);
    expect((await admin('m', 'unload')).body).toMatchObject({ status: 404, code: 'MODEL_NOT_FOUND' });
    expect((await admin('m', 'load')).status).toBe(200);
    expect((await predict()).status).toBe(200);
  });
});

describe('what cannot be loaded is refused with its reason, and what served serves on', () => {
  const faults: [string, (folder: string) => Promise<unknown>, RegExp][] = [
    ['a truncated file', async (folder) => { await cp(join(shipped(MINILM), '1'), folder, { recursive: true }); await truncate(join(folder, 'model.onnx'), 20_000_000); }, /\/99: .*(protobuf|parse)/i],
    ['a half-copied folder', (folder) => cp(join(shipped(MINILM), '1'), folder, { recursive: true, filter: (path) => !path.endsWith('.onnx') }), /\/99 holds neither model\.onnx/],
    ['a tokenizer that was cut', async (folder) => { await cp(join(shipped(MINILM), '1'), folder, { recursive: true }); await truncate(join(folder, 'tokenizer.json'), 1000); }, /\/99: .*tokenizer\.json/],
    ['another opset', async (folder) => { await cp(join(repository, 'other/1'), folder, { recursive: true }); await writeFile(join(folder, 'model.onnx'), identityModel('FP32', ['rows'], 9999)); }, /\/99: .*opset 9999/i],
    ['a symbolic link out of the repository', async (folder) => { await cp(join(repository, 'other/1'), folder, { recursive: true }); await symlink(LOGARITHM, join(folder, 'config.json')); }, /99\/config\.json is a symbolic link out of the repository/],
    ['a bad manifest', () => put('m/model.yaml', 'nonsense: 1'), /model\.yaml is not valid:\s+nonsense/],
    ['a version that is not there', () => put('m/model.yaml', 'versions: [7777]'), /version 7777/],
  ]; // prettier-ignore

  it.each(faults)('%s', async (_, make, reason) => {
    await make(join(repository, 'm/99'));
    const before = (await predict()).headers.get('x-model-version');
    const failures = await metric(server, 'nestor_model_load_failures_total', { model: 'm' });
    const said = server.output.length;
    const answer = await admin('m', 'load');
    expect(answer).toMatchObject({ status: 422, body: { code: 'MODEL_LOAD_FAILED', error: expect.stringMatching(reason) } });
    expect((await index('m')).map((entry) => entry.reason).join('\n')).toMatch(reason);
    await until('the log to say so', () => server.output.slice(said).includes('is not loaded') || undefined);
    expect(await metric(server, 'nestor_model_load_failures_total', { model: 'm' })).toBe(failures + 1);
    const after = await predict();
    expect([after.status, after.headers.get('x-model-version')]).toEqual([200, before]);
    expect((await send(`${server.url}/health/ready`)).status).toBe(200);
    await rm(join(repository, 'm/99'), { recursive: true, force: true });
    await rm(join(repository, 'm/model.yaml'), { force: true });
    expect((await admin('m', 'load')).status).toBe(200);
    await until('the index to be clean', async () => (await index('m')).every((entry) => entry.reason === '') || undefined);
  });

  it('a model folder that is a link out of the repository', async () => {
    await symlink(shipped('digits'), join(repository, 'outside'));
    expect((await admin('outside', 'load')).body).toMatchObject({
      status: 422,
      error: expect.stringContaining('outside is a symbolic link out of the repository'),
    });
  });

  it.each(['../m', 'm/1', '%2e%2e', '.git', 'with space'])('the name %j', async (name) => {
    expect((await admin(name, 'load')).body).toMatchObject({ status: 400, code: 'INVALID_REQUEST', field: 'model' });
  });

  it.each(['..', '%2e%2e'])('the path %j, which URLs would resolve', async (name) => {
    const { hostname, port } = new URL(server.url);
    const call = request({ hostname, port, method: 'POST', path: `/v2/repository/models/${name}/load` }).end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    expect([response.statusCode, await text(response)]).toEqual([400, expect.stringContaining('INVALID_REQUEST')]);
  });

  it('a name that nobody has', async () => {
    expect((await admin('nobody', 'load')).body).toMatchObject({ status: 404, code: 'MODEL_NOT_FOUND' });
  });

  it('a configuration that is sent along', async () => {
    const answer = await admin('m', 'load', { parameters: { config: '{}' } });
    expect(answer.body).toMatchObject({ status: 501, field: 'parameters.config' });
  });
});

it('there are no such routes without ADMIN_API', async () => {
  const quiet = await Server.start({ MODEL_REPOSITORY: await written({ 'm/1/model.onnx': await readFile(LOGARITHM) }) });
  for (const operation of ['load', 'unload']) {
    const answer = await post(`${quiet.url}/v2/repository/models/m/${operation}`, {});
    expect([answer.status, answer.body]).toMatchObject([404, { code: 'NOT_FOUND' }]);
  }
  expect((await post(`${quiet.url}/v1/models/m/predict`, { inputs: { x: [[1]] } })).status).toBe(200);
  await quiet.stop();
});
