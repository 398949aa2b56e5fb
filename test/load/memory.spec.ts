// Memory that can be seen, weights that are held once, and limits that are kept.
import { execFile } from 'node:child_process';
import { cp, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { post, send, type Answer } from '../setup/client.js';
import { distance, MINILM, sentences } from '../setup/fixtures.js';
import { metric } from '../setup/metrics.js';
import { ROOT } from '../setup/paths.js';
import { removeRepositories, shipped, written, type Files } from '../setup/repository.js';
import { Server } from '../setup/server.js';
import { until } from '../setup/until.js';
import { identityModel } from '../soak/identity-model.js';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const IDENTITY = identityModel('FP32', ['rows', 'values']);
const TEXT = { 'text/1': { from: join(shipped(MINILM), '1') } };

/** The text model prepared in both modes, as an image ships it. To prepare it leaves memory behind: those who measure find it done. */
let image: string;
const text = (memory: string, instances = 1, name = 'text'): Files => ({
  [`${name}/1`]: { from: join(shipped(MINILM), '1') },
  [`${name}/model.yaml`]: `runtime: { instances: ${instances}, wide: false, memory: ${memory} }`,
});

beforeAll(async () => {
  image = await written({});
  const repository = await written({ ...text('shared', 1, 'one'), ...text('speed', 1, 'other') });
  const env = { ...process.env, MODEL_REPOSITORY: repository, CACHE_DIR: image };
  await run(process.execPath, ['dist/prepare-models.js'], { cwd: ROOT, env });
});

let server: Server | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});
afterAll(removeRepositories);

async function serve(files: Files, env: NodeJS.ProcessEnv = {}): Promise<{ running: Server; repository: string }> {
  const repository = await written(files);
  server = await Server.start({ MODEL_REPOSITORY: repository, ADMIN_API: 'on', CACHE: 'off', CACHE_DIR: await written({}), ...env });
  return { running: server, repository };
}

interface Overview {
  readonly process: Record<string, number>;
  readonly budget: { taken: number; limit: number | null };
  readonly models: { name: string; instances: number; private: number; expected: number; weights: { mapped: number; resident: number } }[];
}

const overview = async (running: Server): Promise<Overview> => (await send(`${running.url}/v1/memory`)).body as Overview;
const predict = ({ url }: Server, model: string): Promise<Answer> => post(`${url}/v1/models/${model}/predict`, { inputs: { x: [[1]] } });
const load = ({ url }: Server, model: string): Promise<Answer> => post(`${url}/v2/repository/models/${model}/load`, '');
const stateOf = async ({ url }: Server, model: string): Promise<{ state: string; reason: string } | undefined> => {
  const { body } = await post(`${url}/v2/repository/index`, '');
  return (body as { name: string; state: string; reason: string }[]).find(({ name }) => name === model);
};

describe('/v1/memory', () => {
  (process.platform === 'linux' ? it : it.skip)('shows that instances hold the weights once, and takes a heap snapshot', async () => {
    const { running } = await serve(text('shared', 3), { CACHE_DIR: image });
    const { process: whole, models } = await overview(running);
    const [only] = models;
    expect(only).toMatchObject({ name: 'text', instances: 3 });
    expect(only?.weights.mapped).toBeGreaterThan(240 * MIB);
    expect(only?.weights.resident).toBeLessThan(140 * MIB);
    expect(whole.rss).toBeGreaterThanOrEqual(whole.pss ?? NaN);
    expect(await metric(running, 'nestor_model_memory_bytes', { model: 'text', kind: 'mapped' })).toBeGreaterThan(80 * MIB);
    for (const kind of ['rss', 'pss', 'private', 'heap_used', 'external', 'array_buffers']) {
      expect([kind, (await metric(running, 'nestor_process_memory_bytes', { kind })) > 0]).toEqual([kind, true]);
    }
    const snapshot = await send(`${running.url}/v1/memory/heap-snapshot`);
    expect(snapshot.headers.get('content-disposition')).toContain('.heapsnapshot');
    expect(snapshot.body).toMatchObject({ snapshot: { meta: {} } });
  });

  // Prints what the real one prints, and knows the server as the process that asks.
  const smi = (pid: string): string =>
    `#!/bin/sh\ncase "$1" in\n--query-gpu=*) echo "0, 87, 12345, 81559, 412.37, 66" ;;\n*) echo "${pid}, 2048" ;;\nesac\n`;

  it.each([
    ['what the process holds on GPUs', '$PPID', 2048 * MIB],
    ['null where nvidia-smi knows the process by another number', '4242424', null],
  ])('shows %s', async (_, pid, bytes) => {
    const folder = await written({ 'nvidia-smi': smi(pid) });
    await run('chmod', ['+x', join(folder, 'nvidia-smi')]);
    const { running } = await serve({ 'm/1/model.onnx': IDENTITY }, { PATH: `${folder}:${process.env.PATH ?? ''}` });
    expect((await overview(running)).process.gpu).toBe(bytes);
    const seen = async (): Promise<boolean> =>
      (await metric(running, 'nestor_gpu_memory_used_bytes', { gpu: '0' })) === 12345 * MIB &&
      (await metric(running, 'nestor_process_memory_bytes', { kind: 'gpu' })) === (bytes ?? 0);
    await until('the GPU to be seen', async () => (await seen()) || undefined);
  });

  it('is not there without ADMIN_API', async () => {
    const { running } = await serve({ 'm/1/model.onnx': IDENTITY }, { ADMIN_API: 'off' });
    for (const path of ['', '/heap-snapshot'])
      expect((await send(`${running.url}/v1/memory${path}`)).body).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

(process.platform === 'linux' ? describe : describe.skip)('each further instance', () => {
  /** Bytes of the process with so many instances. */
  async function taken(memory: string, instances: number): Promise<number> {
    const { running } = await serve(text(memory, instances), { CACHE_DIR: image });
    const { process: whole } = await overview(running);
    await running.stop();
    return whole.pss ?? NaN;
  }

  it('adds less than a quarter of the weights in the mode shared, and more in the mode speed', async () => {
    const [one, four] = [await taken('shared', 1), await taken('shared', 4)];
    expect((four - one) / 3).toBeLessThan((90 * MIB) / 4);
    expect((await taken('speed', 4)) - four).toBeGreaterThan(40 * MIB);
  });
});

describe('a prepared model', () => {
  it('that was damaged is made anew, and answers as the original does', async () => {
    const cache = await written({});
    const [sentence] = sentences();
    const vector = async (): Promise<number[]> => {
      const { running } = await serve(TEXT, { CACHE_DIR: cache });
      const { body } = await post(`${running.url}/v1/embeddings`, { model: 'text', input: sentence?.text });
      const prepared = /prepared as (\S+) in/.exec(running.output)?.[1];
      if (prepared !== undefined) folder = prepared;
      said = running.output;
      await running.stop();
      return (body as { data: { embedding: number[] }[] }).data[0]?.embedding ?? [];
    };
    let [folder, said] = ['', ''];
    expect(distance(await vector(), [...(sentence?.vector ?? [])])).toBeLessThan(1e-5);
    const { ino } = await stat(folder);
    expect(distance(await vector(), [...(sentence?.vector ?? [])])).toBeLessThan(1e-5);
    expect((await stat(folder)).ino).toBe(ino);
    const graph = await readFile(join(folder, 'model.onnx'));
    await writeFile(join(folder, 'model.onnx'), graph.subarray(0, graph.length / 2));
    expect(distance(await vector(), [...(sentence?.vector ?? [])])).toBeLessThan(1e-5);
    expect(await readFile(join(folder, 'model.onnx'))).toEqual(graph);
    // As long as before: found by its checksum alone, while the sessions load it.
    const weights = await open(join(folder, 'model.onnx.data'), 'r+');
    await weights.write('nonsense'.repeat(100_000), 50_000_000);
    await weights.close();
    expect(distance(await vector(), [...(sentence?.vector ?? [])])).toBeLessThan(1e-5);
    expect(said).toMatch(/its weights are damaged[^]* prepared as /);
    expect(distance(await vector(), [...(sentence?.vector ?? [])])).toBeLessThan(1e-5);
    expect(said).not.toContain('damaged');
  });

  it('that an image ships is used where it lies, read-only, and no other is made in CACHE_DIR', async () => {
    const repository = await written(text('shared'));
    const [cache, shipped] = [await written({}), join(image, 'prepared')];
    const entries = await readdir(shipped, { recursive: true });
    const times = () => Promise.all(entries.map(async (entry) => (await stat(join(shipped, entry))).mtimeMs));
    const before = await times();
    await run('chmod', ['-R', 'a-w', shipped]);
    const running = await Server.start({ MODEL_REPOSITORY: repository, CACHE: 'off', CACHE_DIR: cache, PREPARED_DIR: shipped });
    const [sentence] = sentences();
    const { body } = await post(`${running.url}/v1/embeddings`, { model: 'text', input: sentence?.text });
    const maps = process.platform === 'linux' ? await readFile(`/proc/${running.pid}/maps`, 'utf8') : shipped;
    await running.stop();
    await run('chmod', ['-R', 'u+w', shipped]);
    const [vector] = (body as { data: { embedding: number[] }[] }).data;
    expect(distance(vector?.embedding ?? [], [...(sentence?.vector ?? [])])).toBeLessThan(1e-5);
    expect(maps).toContain(shipped);
    // What the files of the model hold is noted there.
    const made = await readdir(join(cache, 'prepared')).catch(() => []);
    expect(made.filter((name) => !name.endsWith('.digest'))).toEqual([]);
    expect(await readdir(shipped, { recursive: true })).toEqual(entries);
    expect(entries.length).toBeGreaterThan(2);
    expect(await times()).toEqual(before);
  });

  it('may have no weights of its own beside large files', async () => {
    const { running } = await serve({ 'm/1/model.onnx': IDENTITY, 'm/1/vocabulary.txt': 'a'.repeat(5_000_000) });
    expect((await predict(running, 'm')).status).toBe(200);
  });

  it('is done without where CACHE_DIR cannot be written, with a warning', async () => {
    const { running } = await serve(TEXT, { CACHE_DIR: '/dev/null/nestor' });
    expect((await post(`${running.url}/v1/embeddings`, { model: 'text', input: 'a' })).status).toBe(200);
    expect(running.output).toMatch(/model\.onnx is not prepared/);
  });
});

describe('MEMORY_BUDGET_BYTES', () => {
  it('refuses a load that would exceed it, with the sum, and what serves serves on', async () => {
    const probe = await serve({ 'm/1/model.onnx': IDENTITY });
    // Less than the text model takes, and more than the process differs from one time to another.
    const limit = (await overview(probe.running)).budget.taken + 80 * MIB;
    await probe.running.stop();
    const { running, repository } = await serve({ 'm/1/model.onnx': IDENTITY }, { MEMORY_BUDGET_BYTES: String(limit) });
    await cp(join(shipped(MINILM), '1'), join(repository, 'text/1'), { recursive: true });
    const answer = await load(running, 'text');
    const sum = /the process \d+ MiB \+ m\/1 \d+ MiB \+ text\/1 \d+ MiB = \d+ MiB, more than MEMORY_BUDGET_BYTES, \d+ MiB/;
    expect(answer.body).toMatchObject({ status: 507, code: 'MEMORY_BUDGET_EXCEEDED', error: expect.stringMatching(sum) });
    expect((await stateOf(running, 'text'))?.reason).toMatch(sum);
    expect((await predict(running, 'm')).status).toBe(200);
    expect((await overview(running)).budget.limit).toBe(limit);
  });

  it('has models rest that come when they are used, the one that was used longest ago first', async () => {
    const onDemand = 'loading: { onDemand: true }\nruntime: { instances: 6 }';
    const files = Object.fromEntries<Files[string]>(['a', 'b', 'c'].flatMap((name) => [[`${name}/1/model.onnx`, IDENTITY], [`${name}/model.yaml`, onDemand]])); // prettier-ignore
    const probe = await serve(files);
    const { taken } = (await overview(probe.running)).budget;
    expect((await predict(probe.running, 'a')).status).toBe(200);
    const each = (await overview(probe.running)).budget.taken - taken;
    await probe.running.stop();
    // Room for two of the three, whatever the process itself takes this time.
    const { running } = await serve(files, { MEMORY_BUDGET_BYTES: String(taken + Math.round(2.5 * each)) });
    for (const model of ['a', 'b', 'a']) expect((await predict(running, model)).status).toBe(200);
    expect((await predict(running, 'c')).status).toBe(200);
    const states = await Promise.all(['a', 'b', 'c'].map(async (model) => (await stateOf(running, model))?.state));
    expect(states).toEqual(['READY', 'UNAVAILABLE', 'READY']);
    expect((await predict(running, 'b')).status).toBe(200);
  });
});

describe('a model that is loaded on demand', () => {
  it('comes with its first request, however many there are at once, and goes when nobody uses it', async () => {
    const { running } = await serve({ 'm/1/model.onnx': IDENTITY, 'm/model.yaml': 'loading: { onDemand: true, idleSeconds: 1 }' });
    expect(await stateOf(running, 'm')).toMatchObject({ state: 'UNAVAILABLE', reason: 'it is loaded when it is first used' });
    const answers = await Promise.all(Array.from({ length: 8 }, () => predict(running, 'm')));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    await until('the log to say so', () => running.output.includes('m/1 serves') || undefined);
    expect(running.output.split('m/1 serves')).toHaveLength(2);
    await until('it to go', async () => (await stateOf(running, 'm'))?.state === 'UNAVAILABLE' || undefined);
    expect((await predict(running, 'm')).status).toBe(200);
  });

  it('that cannot be loaded answers 503, and is not tried with every request', async () => {
    const { running, repository } = await serve({ 'm/1/model.onnx': 'nonsense', 'm/model.yaml': 'loading: { onDemand: true }' });
    for (let request = 0; request < 3; request++) {
      const { status, headers, text } = await predict(running, 'm');
      expect([status, Number(headers.get('retry-after')) > 0]).toEqual([503, true]);
      expect(text).not.toContain(repository);
    }
    await until('the log to say so', () => running.output.includes('is not loaded') || undefined);
    expect(running.output.split('is not loaded')).toHaveLength(2);
    expect((await stateOf(running, 'm'))?.reason).toMatch(/protobuf/i);
    await writeFile(join(repository, 'm/1/model.onnx'), IDENTITY);
    expect((await load(running, 'm')).status).toBe(200);
    expect((await predict(running, 'm')).status).toBe(200);
  });
});

it('RECYCLE_ABOVE_BYTES: fresh instances take over without a failed request', async () => {
  const { running } = await serve({ 'm/1/model.onnx': IDENTITY }, { RECYCLE_ABOVE_BYTES: '1' });
  let failed = 0;
  await until('fresh instances', async () => {
    if ((await predict(running, 'm')).status !== 200) failed += 1;
    return running.output.split('m/1 serves').length >= 3 || undefined;
  });
  await until(
    'the old ones to end',
    async () => ((await overview(running)).models.length === 1 && (await predict(running, 'm')).status === 200) || undefined,
  );
  expect([failed, await stateOf(running, 'm')]).toEqual([0, { name: 'm', version: '1', state: 'READY', reason: '' }]);
});
