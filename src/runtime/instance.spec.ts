// One instance in a real thread: it answers, says why it cannot load, and comes back from the dead.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { identityModel, listModel } from '../../test/soak/identity-model.js';
import { allocate, DATATYPES, type Datatype, type Tensor, type TensorData } from '../tensor.js';
import { Instance, type InstanceOptions } from './instance.js';
import { sessionOptions } from './session-options.js';
import { starterUrl, WorkerThreads } from './worker-threads.js';

const DATATYPE_NAMES = Object.keys(DATATYPES) as Datatype[];
const DIGITS = 'models/digits/1/model.onnx';
const { pixels, labels } = JSON.parse(readFileSync('test/fixtures/digits-heldout.json', 'utf8')) as {
  pixels: number[][];
  labels: number[];
};

/** A thread that keeps the protocol, echoes, ends when it is fed `die`, and that the model path can keep from starting again. */
const MORTAL = `
import { existsSync, writeFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
let modelPath;
parentPort.on('message', (request) => {
  if (request === 'end') return parentPort.close();
  if ('modelPath' in request) {
    ({ modelPath } = request);
    if (existsSync(modelPath)) throw new Error('cursed');
    return parentPort.postMessage({ kind: 'ready', inputs: [], outputs: [] });
  }
  const { id, feeds } = request;
  if (feeds.poison) throw new Error('poisoned');
  if (feeds.curse) writeFileSync(modelPath, '');
  if (feeds.die || feeds.curse) process.exit(3);
  if (feeds.fault) return parentPort.postMessage({ kind: 'failure', id, reason: 'CUDA failure 700: an illegal memory access was encountered' });
  parentPort.postMessage({ kind: 'result', id, outputs: feeds, seconds: 0 });
});
`;
const mortalUrl = new URL(`data:text/javascript,${encodeURIComponent(MORTAL)}`);

let folder: string;
const threads = new WorkerThreads(starterUrl());
const alive: Instance[] = [];

function instance(options: Partial<InstanceOptions> = {}): Instance {
  const made = new Instance({
    openWorker: () => threads.open(),
    modelPath: DIGITS,
    sessionOptions: sessionOptions({ provider: 'cpu', deviceId: 0, intraOpThreads: 1, spinning: false, prepared: false, entries: {} }),
    threads: 1,
    niceness: 5,
    onRestart: () => undefined,
    onLost: () => undefined,
    onFailing: () => undefined,
    onUnfit: () => undefined,
    ...options,
  });
  alive.push(made);
  return made;
}

function numbers(name: string, values: readonly number[], shape: readonly number[] = [1, values.length]): Tensor {
  return { name, datatype: 'FP32', shape, data: Float32Array.from(values) };
}

function fillWith(data: TensorData): void {
  for (let i = 0; i < data.length; i++) {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = 2n ** 62n + BigInt(i);
    else if (Array.isArray(data)) data[i] = `Zürich ${i}`;
    else data[i] = i % 2;
  }
}

async function expectIdentity(datatype: Datatype): Promise<void> {
  const modelPath = join(folder, `${datatype}.onnx`);
  await writeFile(modelPath, identityModel(datatype, ['batch', 3]));
  const identity = instance({ modelPath });
  await identity.start();
  const data = allocate(datatype, 6);
  fillWith(data);
  const expected = Array.from<unknown>(data);
  const { outputs } = await identity.run([{ name: 'x', datatype, shape: [2, 3], data }], ['y']);
  expect(outputs).toMatchObject([{ name: 'y', datatype, shape: [2, 3] }]);
  expect(Array.from<unknown>(outputs[0]?.data ?? [])).toEqual(expected);
}

/** Resolves when an instance that died has been tried again. */
function restarts(options: Partial<InstanceOptions>) {
  const onLost = jest.fn<(reason: string) => void>();
  const listeners: (() => void)[] = [];
  const onRestart = () => {
    for (const listener of listeners.splice(0)) listener();
  };
  const made = instance({ openWorker: () => new Worker(mortalUrl), modelPath: join(folder, 'curse'), onLost, onRestart, ...options });
  return { made, onLost, restarted: () => new Promise<void>((resolve) => listeners.push(resolve)) };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nestor-instance-'));
});
afterEach(async () => {
  await Promise.all(alive.splice(0).map((one) => one.close()));
  await rm(join(folder, 'curse'), { force: true });
});
afterAll(async () => {
  await threads.close();
  await rm(folder, { recursive: true });
});

describe('an instance of a real model', () => {
  it('tells the signature, and answers right', async () => {
    const digits = instance();
    const metadata = await digits.start();
    expect(metadata.inputs).toEqual([{ name: 'pixels', type: 'float32', shape: [expect.any(String), 64] }]);
    expect(digits.ready).toBe(true);
    const run = digits.run([numbers('pixels', pixels.flat(), [pixels.length, 64])], ['label']);
    expect(digits.runs).toBe(1);
    const { outputs, seconds } = await run;
    const right = labels.filter((label, row) => Number(outputs[0]?.data[row]) === label);
    expect(right.length / labels.length).toBeGreaterThan(0.95);
    expect(outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape }))).toEqual([
      { name: 'label', datatype: 'INT64', shape: [labels.length] },
    ]);
    expect(seconds).toBeGreaterThan(0);
    expect(digits.runs).toBe(0);
  });

  it('takes the buffers of its inputs, they are not copied', async () => {
    const digits = instance();
    await digits.start();
    const input = numbers('pixels', pixels[0] ?? []);
    await digits.run([input], ['label']);
    expect(input.data).toHaveLength(0);
  });

  it('reports what ONNX Runtime refuses as INFERENCE_FAILED, with the reason for the log alone, and lives on', async () => {
    const digits = instance();
    await digits.start();
    const refused = digits.run([numbers('pixels', [1, 2, 3])], ['label']);
    await expect(refused).rejects.toMatchObject({ code: 'INFERENCE_FAILED', message: expect.not.stringContaining('pixels') });
    await expect(refused).rejects.toMatchObject({ cause: expect.stringContaining('pixels') });
    await expect(digits.run([numbers('pixels', pixels[0] ?? [])], ['label'])).resolves.toBeDefined();
  });

  it.each(DATATYPE_NAMES.filter((name) => name !== 'FP16'))('carries %s there and back', async (datatype) => {
    await expectIdentity(datatype);
  });

  it('carries FP16 there and back', async () => {
    await expectIdentity('FP16');
  });

  it.each([
    ['that is not there', join(tmpdir(), 'no-such.onnx'), /exist/i],
    ['that is no model', 'package.json', /protobuf|parse/i],
  ])('cannot start from a file %s, and says why', async (_, modelPath, reason) => {
    const broken = instance({ modelPath });
    await expect(broken.start()).rejects.toThrow(reason);
    expect(broken.ready).toBe(false);
  });

  it('cannot start a model whose outputs are not all tensors, and ends its thread', async () => {
    const modelPath = join(folder, 'list.onnx');
    await writeFile(modelPath, listModel());
    await expect(instance({ modelPath }).start()).rejects.toThrow(/^y is not a tensor: .*zipmap/);
  });

  it('cannot start without its provider', async () => {
    const options = sessionOptions({ provider: 'tensorrt', deviceId: 0, intraOpThreads: 1, spinning: false, prepared: false, entries: {} });
    await expect(instance({ sessionOptions: options }).start()).rejects.toThrow();
  });
});

describe('a thread that dies', () => {
  it('while it runs fails those runs with WORKER_LOST, comes back and serves', async () => {
    const { made, onLost, restarted } = restarts({});
    await made.start();
    const back = restarted();
    const lost = [made.run([numbers('die', [1])], []), made.run([numbers('x', [1])], [])];
    for (const { status, ...rest } of await Promise.allSettled(lost)) {
      expect(status).toBe('rejected');
      expect(rest).toMatchObject({ reason: { code: 'WORKER_LOST', retryAfter: 1 } });
    }
    expect([made.ready, made.runs, onLost.mock.calls]).toEqual([false, 0, [['the worker thread ended with code 3']]]);
    await expect(made.run([numbers('x', [1])], [])).rejects.toMatchObject({ code: 'WORKER_LOST' });
    await back;
    expect([made.ready, made.failing]).toEqual([true, false]);
    await expect(made.run([numbers('x', [7])], [])).resolves.toMatchObject({ outputs: [{ name: 'x', data: Float32Array.of(7) }] });
  });

  it('says what it died of', async () => {
    const { made, onLost } = restarts({});
    await made.start();
    await expect(made.run([numbers('poison', [1])], [])).rejects.toMatchObject({ code: 'WORKER_LOST' });
    expect(onLost.mock.calls).toEqual([[expect.stringContaining('poisoned')]]);
  });

  it('does not come back with other weights than it had', async () => {
    const weights = join(folder, 'curse_data');
    await writeFile(weights, 'old');
    const onFailing = jest.fn<(reason: string) => void>();
    const { made, restarted } = restarts({ onFailing });
    await made.start();
    const tried = restarted();
    const lost = made.run([numbers('die', [1])], []);
    await writeFile(weights, 'new ones');
    await expect(lost).rejects.toMatchObject({ code: 'WORKER_LOST' });
    await tried;
    expect([made.ready, made.failing]).toEqual([false, true]);
    expect(onFailing).toHaveBeenCalledWith(expect.stringContaining('was written since it was loaded'));
  });

  it('and cannot come back is failing, until a later try succeeds', async () => {
    const { made, restarted } = restarts({});
    await made.start();
    let tried = restarted();
    await expect(made.run([numbers('curse', [1])], [])).rejects.toMatchObject({ code: 'WORKER_LOST' });
    expect(made.failing).toBe(false);
    await tried;
    expect([made.ready, made.failing]).toEqual([false, true]);
    tried = restarted();
    await rm(join(folder, 'curse'));
    await tried;
    expect([made.ready, made.failing]).toEqual([true, false]);
  });

  it('where the system has no thread left for it is tried again, like one that cannot load', async () => {
    // What a thread cannot be made for is thrown by its constructor, whatever the reason.
    const url = new URL(mortalUrl);
    const { made, restarted } = restarts({ openWorker: () => new Worker(url) });
    await made.start();
    let tried = restarted();
    url.href = 'https://no.thread/';
    await expect(made.run([numbers('die', [1])], [])).rejects.toMatchObject({ code: 'WORKER_LOST' });
    await tried;
    expect([made.ready, made.failing]).toEqual([false, true]);
    tried = restarted();
    url.href = mortalUrl.href;
    await tried;
    expect([made.ready, made.failing]).toEqual([true, false]);
  });

  it('because it was closed has answered what it was asked, and stays away', async () => {
    const { made, onLost } = restarts({});
    await made.start();
    const run = made.run([numbers('x', [1])], []);
    const closed = made.close();
    await expect(made.run([numbers('x', [2])], [])).rejects.toMatchObject({ code: 'WORKER_LOST' });
    await expect(run).resolves.toBeDefined();
    await closed;
    expect([made.ready, onLost.mock.calls]).toEqual([false, []]);
  });

  it('because it was closed while it loads does not come up', async () => {
    const digits = instance();
    const started = digits.start().then(
      () => 'started',
      () => 'refused',
    );
    await digits.close();
    expect(['started', 'refused']).toContain(await started);
    expect(digits.ready).toBe(false);
  });

  it('of a device that failed for good takes no more work and is not brought back; what it was asked may be tried elsewhere', async () => {
    const onUnfit = jest.fn<(reason: string) => void>();
    const { made, onLost } = restarts({ onUnfit });
    await made.start();
    const runs = [made.run([numbers('fault', [1])], []), made.run([numbers('fault', [1])], [])];
    for (const { status, ...rest } of await Promise.allSettled(runs)) {
      expect(status).toBe('rejected');
      expect(rest).toMatchObject({
        reason: { code: 'WORKER_LOST', message: expect.not.stringContaining('CUDA'), cause: expect.stringContaining('CUDA') },
      });
    }
    expect([made.ready, made.failing, onLost.mock.calls]).toEqual([false, true, []]);
    expect(onUnfit.mock.calls).toEqual([['CUDA failure 700: an illegal memory access was encountered']]);
    await expect(made.run([numbers('x', [1])], [])).rejects.toMatchObject({ code: 'WORKER_LOST' });
  });

  it('before its model is loaded rejects the start', async () => {
    await writeFile(join(folder, 'curse'), '');
    await expect(restarts({}).made.start()).rejects.toThrow('cursed');
  });
});
