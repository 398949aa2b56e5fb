// Tensors of 16 MiB in every format: the event loop goes on meanwhile. The bounds are what only work in one go would break; the figures
// are in docs/formats.md.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GRPCInferenceService } from '../../src/grpc/inference_pb.js';
import type { Tensor } from '../../src/tensor.js';
import { post, send as get } from '../setup/client.js';
import { blockOf, FORMATS, send } from '../setup/formats.js';
import { GrpcClient } from '../setup/grpc.js';
import { FIXTURES } from '../setup/paths.js';
import { removeRepositories, written } from '../setup/repository.js';
import { Server } from '../setup/server.js';
import { until } from '../setup/until.js';
import { identityModel } from '../soak/identity-model.js';

const ELEMENTS = (16 * 1024 * 1024) / 4;
/** A body of JSON of this size holds fewer. */
const JSON_ELEMENTS = 1024 * 1024;
/** Tries whose times are told; `SHOW_FIGURES=25` made the table of docs/formats.md. */
const FIGURES = Number(process.env.SHOW_FIGURES ?? 0);
const TRIES = FIGURES || 3;
/** A parse of 16 MiB in one go takes three times as long. */
const HELD_MS = 100;
/** Texts in one go take twice as long. */
const HELD_BY_TEXTS_MS = 25;

/** The bounds are of a machine that parses this in so many milliseconds. Shared ones are at times half as fast, without any work of ours. */
const YARDSTICK = { text: `[${'{"x":"\\"é\\"é\\"é"},'.repeat(100_000)}0]`, ms: 20 };

let server: Server;
beforeAll(async () => {
  const models = { 'floats/1/model.onnx': identityModel('FP32', ['n', 'm']), 'longs/1/model.onnx': identityModel('INT64', ['n', 'm']) };
  server = await Server.start({ MODEL_REPOSITORY: await written(models) }, ['--import', join(FIXTURES, 'preload/watch-loop.mjs')]);
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

interface Held {
  /** Of the processor time of its own thread, in milliseconds. */
  readonly own: number;
  /** With what other threads and processes took meanwhile. */
  readonly all: number;
}

/** The longest time for which the loop was held since this was asked last. */
async function held(): Promise<Held> {
  const before = server.output.length;
  server.signal('SIGUSR2');
  return until('the server to say how long its loop was held', () => {
    const [, own, all] = /event loop held ([\d.]+) ms, ([\d.]+) ms/.exec(server.output.slice(before)) ?? [];
    return own === undefined ? undefined : { own: Number(own), all: Number(all) };
  });
}

function told(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(1);
  return `median ${at(0.5)}, 90 of 100 ${at(0.9)}, most ${at(1)} ms`;
}

/** How many times as long as there the yardstick takes now, one at least: of the processor time of this thread, so that no neighbour adds to it. */
function slowness(): number {
  const before = process.threadCpuUsage();
  JSON.parse(YARDSTICK.text);
  const { user, system } = process.threadCpuUsage(before);
  return Math.max(1, (user + system) / 1000 / YARDSTICK.ms);
}

/** How long the loop was held while this was done, in its own time of such a machine; or the least of some tries where it was longer than this. */
async function leastHeld(boundMs: number, work: () => Promise<unknown>): Promise<number> {
  const times: Held[] = [];
  const there: number[] = [];
  while (times.length < TRIES && (FIGURES > 0 || !there.some((ms) => ms < boundMs))) {
    await held();
    const before = slowness();
    await work();
    const time = await held();
    times.push(time);
    there.push(time.own / Math.min(before, slowness()));
  }
  if (FIGURES > 0) {
    const name = expect.getState().currentTestName ?? '';
    process.stderr.write(`${name}: own ${told(times.map(({ own }) => own))}; all ${told(times.map(({ all }) => all))}\n`);
  }
  return Math.min(...there);
}

describe.each(FORMATS)('16 MiB as $name', (format) => {
  const text = format.name.includes('JSON');
  const count = text ? JSON_ELEMENTS : ELEMENTS;
  const tensor: Tensor = {
    name: 'x',
    datatype: 'FP32',
    shape: [1, count],
    data: Float32Array.from({ length: count }, (_, i) => Math.sin(i)),
  };
  const outgoing = format.write('floats', [tensor], ['y']);

  it('do not hold the event loop, in or out', async () => {
    const ms = await leastHeld(HELD_MS, async () => {
      const { status, headers, body } = await send(server.url, outgoing);
      expect(status).toBe(200);
      const [answer] = format.read(body, headers);
      expect(answer?.bytes.equals(blockOf(tensor).bytes)).toBe(true);
      expect((await get(`${server.url}/health/live`)).status).toBe(200);
    });
    expect(ms).toBeLessThan(HELD_MS);
  });
});

it('16 MiB over gRPC do not hold the event loop, in or out', async () => {
  const client = new GrpcClient(server.grpc);
  const data = Float32Array.from({ length: ELEMENTS }, (_, i) => Math.sin(i));
  const rawInputContents = [new Uint8Array(data.buffer)];
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1n, BigInt(ELEMENTS)] }];
  const ms = await leastHeld(HELD_MS, async () => {
    const { status, message } = await client.unary(GRPCInferenceService.method.modelInfer, {
      modelName: 'floats',
      inputs,
      rawInputContents,
    });
    expect(status).toBe('OK');
    expect(Buffer.from(message?.rawOutputContents[0] ?? []).equals(Buffer.from(data.buffer))).toBe(true);
  });
  client.close();
  expect(ms).toBeLessThan(HELD_MS);
});

describe('JSON of 16 MiB', () => {
  const refused = async (path: string, body: string): Promise<void> => {
    const { status, body: problem } = await post(server.url + path, body);
    expect([status, problem]).toEqual([413, expect.objectContaining({ field: 'body', detail: expect.stringContaining('MsgPack') })]);
  };
  const answered = async (path: string, body: string, status: number): Promise<void> => {
    expect((await post(server.url + path, body)).status).toBe(status);
  };
  const repeated = (part: string): string => part.repeat((16 * 1024 * 1024) / Buffer.byteLength(part));

  it.each([
    ['empty arrays', '[],'],
    ['objects', '{"a":1},'],
    ['short texts', '"a",'],
  ])('that are %s are refused', async (_, part) => {
    const body = `{"inputs":{"x":[${repeated(part)}1]}}`;
    expect(await leastHeld(HELD_MS, () => refused('/v1/models/floats/predict', body))).toBeLessThan(HELD_MS);
  });

  it.each([
    ['rows', '/v1/models/floats/predict', `{"instances":[${repeated(`[${Array(256).fill('0.25').join()}],`).slice(0, -1)}]}`, 200],
    ['integers of 64 bits', '/v1/models/longs/predict', `{"inputs":{"x":[[${repeated('9007199254740993,').slice(0, -1)}]]}}`, 200],
  ])('that are %s are answered', async (_, path, body, status) => {
    expect(await leastHeld(HELD_MS, () => answered(path, body, status))).toBeLessThan(HELD_MS);
  });

  const escapes = (bytes: number): string => '\\"é'.repeat(bytes / 4);

  it.each([
    ['one text', `{"inputs":{"x":"${escapes(16 * 1024 * 1024)}"}}`, HELD_BY_TEXTS_MS],
    ['long texts', `{"inputs":{"x":[${repeated(`"${escapes(8192)}",`)}"x"]}}`, HELD_BY_TEXTS_MS],
    ['texts of 24 bytes', `{"inputs":{"x":[${repeated(`"${escapes(24)}",`)}"x"]}}`, 2 * HELD_BY_TEXTS_MS],
    ['objects of a long text', `{"instances":[${repeated(`{"x":"${escapes(8192)}"},`)}{"x":""}]}`, HELD_BY_TEXTS_MS],
    ['objects of a text of 200 bytes', `{"instances":[${repeated(`{"x":"${escapes(200)}"},`)}{"x":""}]}`, HELD_BY_TEXTS_MS],
    ['arrays of a text of 200 bytes', `{"inputs":{"x":[${repeated(`["${escapes(200)}"],`)}[""]]}}`, HELD_BY_TEXTS_MS],
    [
      'short arrays, 2 MiB of them, with an integer of 64 bits',
      `{"inputs":{"x":[[9007199254740993],${'[1],'.repeat(450_000)}[1,2]]}}`,
      HELD_MS,
    ],
  ])('that are %s are answered', async (_, body, boundMs) => {
    expect(await leastHeld(boundMs, () => answered('/v1/models/floats/predict', body, 400))).toBeLessThan(boundMs);
  });

  it.each([
    ['names of properties that differ', `{"inputs":{${Array.from({ length: 200_000 }, (_, index) => `"${index}":1`).join()}}}`],
    ['short texts of one object', `{"inputs":{${Array.from({ length: 4000 }, (_, index) => `"${index}":"${escapes(4000)}"`).join()}}}`],
  ])('%s are refused', async (_, body) => {
    expect(await leastHeld(HELD_MS, () => refused('/v1/models/longs/predict', body))).toBeLessThan(HELD_MS);
  });

  it('that are the name of a property are refused', async () => {
    const body = `{"inputs":{"${escapes(16 * 1024 * 1024)}":1}}`;
    expect(await leastHeld(HELD_BY_TEXTS_MS, () => refused('/v1/models/floats/predict', body))).toBeLessThan(HELD_BY_TEXTS_MS);
  });
});
