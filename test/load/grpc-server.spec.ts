// gRPC as a server among servers: health, limits, clients that leave, SIGTERM, and no gRPC at all.
import { once } from 'node:events';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { compressionAlgorithms } from '@grpc/grpc-js';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { Health, HealthCheckResponse_ServingStatus as ServingStatus, type HealthCheckResponse } from '../../src/grpc/health_pb.js';
import { GRPCInferenceService, type ModelInferRequestSchema } from '../../src/grpc/inference_pb.js';
import { send } from '../setup/client.js';
import { MINILM, sentences } from '../setup/fixtures.js';
import { GrpcClient } from '../setup/grpc.js';
import { metric } from '../setup/metrics.js';
import { FIXTURES } from '../setup/paths.js';
import { limited, ONE_WORKER, removeRepositories, shipped, written } from '../setup/repository.js';
import { Server } from '../setup/server.js';
import { until } from '../setup/until.js';

const CLIENTS = 16;
/** More calls than a client can make before the server is gone; ends the loop of a test that goes wrong. */
const MOST_CALLS = 5_000;
const { modelInfer, serverReady } = GRPCInferenceService.method;
const { check, watch } = Health.method;
const long = sentences().filter(({ ids }) => ids.length > 50);

/** The ids of one text, as the three tensors that the model takes. */
function tokens(index: number): MessageInitShape<typeof ModelInferRequestSchema> {
  const { ids = [] } = long[index % long.length] ?? {};
  const column = (value: (id: number) => number) => new Uint8Array(BigInt64Array.from(ids, (id) => BigInt(value(id))).buffer);
  const names = ['input_ids', 'attention_mask', 'token_type_ids'];
  return {
    modelName: MINILM,
    inputs: names.map((name) => ({ name, datatype: 'INT64', shape: [1n, BigInt(ids.length)] })),
    outputs: [{ name: 'sentence_embedding' }],
    rawInputContents: [column((id) => id), column(() => 1), column(() => 0)],
  };
}

let server: Server | undefined;
let client: GrpcClient | undefined;
afterEach(async () => {
  client?.close();
  await server?.stop();
});
afterAll(removeRepositories);

async function serve(env: NodeJS.ProcessEnv = {}, options: readonly string[] = []): Promise<{ running: Server; calls: GrpcClient }> {
  server = await Server.start({ MODEL_REPOSITORY: await limited([MINILM], 2), CACHE: 'off', ...env }, options);
  client = new GrpcClient(server.grpc);
  return { running: server, calls: client };
}

const toQueue = (running: Server, items: number): Promise<unknown> =>
  until('texts to queue', async () => (await metric(running, 'nestor_queue_items')) >= items || undefined);

/** Statuses as they come, and whether the stream has ended in order. */
function watched(calls: GrpcClient, service = ''): { statuses: ServingStatus[]; ended: Promise<unknown> } {
  const statuses: ServingStatus[] = [];
  const stream = calls.stream(watch, { service });
  stream.on('data', ({ status }: HealthCheckResponse) => statuses.push(status));
  return { statuses, ended: once(stream, 'end') };
}

describe('health', () => {
  it('follows readiness: a watcher hears that no worker is alive, and that one is again', async () => {
    const cache = await written({});
    const repository = await written({ 'text/1': { from: join(shipped(MINILM), '1') }, 'text/model.yaml': ONE_WORKER });
    const { running, calls } = await serve({ MODEL_REPOSITORY: repository, CACHE_DIR: cache }, [
      '--import',
      join(FIXTURES, 'preload/kill-worker.mjs'),
    ]);
    const { statuses } = watched(calls);
    await until('the first status', () => statuses.length > 0 || undefined);
    expect((await calls.unary(serverReady, {})).message?.ready).toBe(true);
    // What was prepared is what a worker loads.
    const file = join(cache, 'prepared');
    await rename(file, `${file}.gone`);
    running.signal('SIGUSR2');
    await until('the watcher to hear of it', () => statuses.length > 1 || undefined);
    expect((await calls.unary(serverReady, {})).message?.ready).toBe(false);
    expect((await calls.unary(check, {})).message?.status).toBe(ServingStatus.NOT_SERVING);
    await rename(`${file}.gone`, file);
    await until('the watcher to hear of the end', () => statuses.length > 2 || undefined);
    expect(statuses).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING, ServingStatus.SERVING]);
  });

  it('is asked about by the name of the service', async () => {
    const { calls } = await serve();
    for (const service of ['', 'inference.GRPCInferenceService']) {
      expect((await calls.unary(check, { service })).message?.status).toBe(ServingStatus.SERVING);
    }
    expect(await calls.unary(check, { service: 'nobody' })).toMatchObject({ status: 'NOT_FOUND' });
    const { statuses } = watched(calls, 'nobody');
    await until('a status of nobody', () => statuses.length > 0 || undefined);
    expect(statuses).toEqual([ServingStatus.SERVICE_UNKNOWN]);
  });
});

describe('limits', () => {
  it('hold for messages as sent and decompressed, and say what they are', async () => {
    const { running, calls } = await serve({ BODY_LIMIT_BYTES: '65536' });
    const refused = {
      status: 'RESOURCE_EXHAUSTED',
      details: expect.stringContaining('65536'),
      metadata: { 'nestor-code': 'PAYLOAD_TOO_LARGE' },
    };
    expect(await calls.unary(modelInfer, Buffer.alloc(65_537))).toMatchObject(refused);
    const compressed = new GrpcClient(running.grpc, { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip });
    expect(gzipSync(Buffer.alloc(10_000_000)).byteLength).toBeLessThan(65_536);
    expect(await compressed.unary(modelInfer, Buffer.alloc(10_000_000))).toMatchObject(refused);
    compressed.close();
    expect(await calls.unary(modelInfer, tokens(0))).toMatchObject({ status: 'OK' });
    expect(await metric(running, 'nestor_rejected_total', { reason: 'PAYLOAD_TOO_LARGE' })).toBe(2);
  });
});

describe('clients that leave', () => {
  it('take what they asked for out of the queue, and those that stay are answered', async () => {
    const { running, calls } = await serve();
    const before = await metric(running, 'nestor_batch_items_sum');
    const leaving = new AbortController();
    const outcomes = Array.from({ length: 96 }, (_, index) =>
      calls.unary(modelInfer, tokens(index), index % 8 === 0 ? {} : { signal: leaving.signal }),
    );
    await toQueue(running, 60);
    leaving.abort();
    const statuses = (await Promise.all(outcomes)).map(({ status }) => status);
    expect(statuses.filter((_, index) => index % 8 === 0)).toEqual(Array.from({ length: 12 }, () => 'OK'));
    expect(statuses.filter((status) => status === 'CANCELLED').length).toBeGreaterThan(30);
    await until('the queue to be empty', async () => (await metric(running, 'nestor_queue_items')) === 0 || undefined);
    expect((await metric(running, 'nestor_batch_items_sum')) - before).toBeLessThan(96 - 30);
    expect(await metric(running, 'nestor_rejected_total', { reason: 'CANCELLED' })).toBeGreaterThan(30);
  });

  it('and those whose deadline passes in the queue', async () => {
    const { running, calls } = await serve();
    const outcomes = Array.from({ length: 96 }, (_, index) =>
      calls.unary(modelInfer, tokens(index), { timeoutMs: index < 48 ? 30 : 60_000 }),
    );
    const statuses = (await Promise.all(outcomes)).map(({ status }) => status);
    expect(statuses.slice(0, 48)).toContain('DEADLINE_EXCEEDED');
    expect(new Set(statuses.slice(48))).toEqual(new Set(['OK']));
    expect(await metric(running, 'nestor_queue_items')).toBe(0);
  });
});

describe('SIGTERM', () => {
  it('is served on for DRAIN_SECONDS while health says no; nothing that was accepted is lost', async () => {
    const { running, calls } = await serve({ DRAIN_SECONDS: '1' });
    const { statuses, ended } = watched(calls);
    const outcomes: { status: string; details: string }[] = [];
    const caller = async (_: unknown, first: number): Promise<void> => {
      for (let index = first; index < MOST_CALLS; index += CLIENTS) {
        const { status, details } = await calls.unary(modelInfer, tokens(index));
        outcomes.push({ status, details });
        if (status !== 'OK') return;
      }
    };
    const load = Array.from({ length: CLIENTS }, caller);
    await toQueue(running, CLIENTS / 2);
    const before = outcomes.length;
    running.signal('SIGTERM');
    await until('health to say no', () => statuses.includes(ServingStatus.NOT_SERVING) || undefined);
    expect((await calls.unary(check, {})).message?.status).toBe(ServingStatus.NOT_SERVING);
    const { code } = await running.ended();
    await ended;
    await Promise.all(load);

    expect(code).toBe(0);
    expect(statuses).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING]);
    const failed = outcomes.filter(({ status }) => status !== 'OK');
    expect(failed.filter(({ status, details }) => status !== 'UNAVAILABLE' || !details.includes('ECONNREFUSED'))).toEqual([]);
    expect(outcomes.length - failed.length).toBeGreaterThan(before + CLIENTS);
  });

  it('answers what is in flight without any DRAIN_SECONDS, and exits with 0', async () => {
    const { running, calls } = await serve();
    const outcomes = Array.from({ length: 64 }, (_, index) => calls.unary(modelInfer, tokens(index)));
    await toQueue(running, 40);
    const { code } = await running.stop();
    expect(new Set((await Promise.all(outcomes)).map(({ status }) => status))).toEqual(new Set(['OK']));
    expect(code).toBe(0);
  });
});

it('GRPC_API=off opens no port', async () => {
  server = await Server.start({ MODEL_REPOSITORY: await limited(['digits'], 1), GRPC_API: 'off' });
  expect((await send(`${server.url}/health/ready`)).status).toBe(200);
  expect(server.output).not.toContain('gRPC');
});
