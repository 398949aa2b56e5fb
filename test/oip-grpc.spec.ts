// The Open Inference Protocol over gRPC: as NVIDIA's client speaks it, and as nobody should.
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { compressionAlgorithms } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contentsOf } from '../src/grpc/contents.js';
import { GRPCInferenceService, ModelInferRequestSchema, type ModelInferResponse } from '../src/grpc/inference_pb.js';
import { bytesOf } from '../src/oip/raw-tensor.js';
import type { Datatype } from '../src/tensor.js';
import { send } from './setup/client.js';
import { DATATYPES, everyDatatype } from './setup/every-datatype.js';
import { GrpcClient, type Outcome } from './setup/grpc.js';
import { inParallel } from './setup/load.js';
import { metric, samples } from './setup/metrics.js';
import { bytewise } from './setup/mutate.js';
import { FIXTURES } from './setup/paths.js';
import { python, script } from './setup/python.js';
import { removeRepositories } from './setup/repository.js';
import { Server } from './setup/server.js';
import { seeded } from './soak/random.js';

const { method } = GRPCInferenceService;
type Request = MessageInitShape<typeof ModelInferRequestSchema>;
type Bytes = Uint8Array<ArrayBuffer>;
const raw = (datatype: Datatype): Bytes => bytesOf(DATATYPES[datatype]) as Bytes;
const x = (datatype: string, more: object = {}) => ({ name: 'x', datatype, shape: [2n, 2n], ...more });
const flag = (value: boolean) => ({ parameterChoice: { case: 'boolParam' as const, value } });
const pixels = new Uint8Array(Float32Array.from({ length: 64 }, (_, i) => i % 17).buffer);
const input = { name: 'pixels', datatype: 'FP32', shape: [1n, 64n] };
const good = { modelName: 'digits', inputs: [input], rawInputContents: [pixels] } satisfies Request;

/** `npm run fuzz` sends 10,000. */
const MESSAGES = Number(process.env.FUZZ_BODIES ?? 3000);

let server: Server;
let client: GrpcClient;
beforeAll(async () => {
  server = await Server.start({ MODEL_REPOSITORY: await everyDatatype(), CACHE: 'off' });
  client = new GrpcClient(server.grpc);
});
afterAll(async () => {
  client.close();
  await server.stop();
  await removeRepositories();
});

const infer = (request: Request | Buffer, circumstances = {}): Promise<Outcome<ModelInferResponse>> =>
  client.unary(method.modelInfer, request, circumstances);

describe('tensors of every datatype', () => {
  it.each(Object.keys(DATATYPES) as Datatype[])('%s goes in and out as bytes', async (datatype) => {
    const request = { modelName: datatype.toLowerCase(), inputs: [x(datatype)], rawInputContents: [raw(datatype)] };
    const { status, details, message } = await infer(request);
    expect([status, details]).toEqual(['OK', '']);
    expect(message?.outputs).toMatchObject([{ name: 'y', datatype, shape: [2n, 2n] }]);
    expect(message?.rawOutputContents.map((bytes) => Buffer.from(bytes))).toEqual([Buffer.from(raw(datatype))]);
  });

  it.each(Object.keys(DATATYPES).filter((datatype) => datatype !== 'FP16') as Exclude<Datatype, 'FP16'>[])(
    '%s goes in and out as typed contents',
    async (datatype) => {
      const contents = contentsOf(DATATYPES[datatype], datatype);
      const parameters = { binary_data_output: flag(false) };
      const { message, details } = await infer({ modelName: datatype.toLowerCase(), inputs: [x(datatype, { contents })], parameters });
      expect(details).toBe('');
      expect(message?.rawOutputContents).toEqual([]);
      const [output] = message?.outputs ?? [];
      expect(output).toMatchObject({ name: 'y', datatype, shape: [2n, 2n] });
      for (const [field, values] of Object.entries(contents)) expect(output?.contents).toMatchObject({ [field]: values as unknown });
    },
  );

  it('typed contents are answered with bytes unless asked otherwise', async () => {
    const { message } = await infer({ modelName: 'int8', inputs: [x('INT8', { contents: { intContents: [-128, 0, 1, 127] } })] });
    expect(message?.rawOutputContents.map((bytes) => [...bytes])).toEqual([[128, 0, 1, 127]]);
  });
});

describe('a request', () => {
  it('names its outputs, and gets its id back', async () => {
    const { message } = await infer({ ...good, id: 'é', modelVersion: '1', outputs: [{ name: 'label' }] });
    expect(message).toMatchObject({ modelName: 'digits', modelVersion: '1', id: 'é', outputs: [{ name: 'label' }] });
    expect(message?.rawOutputContents).toHaveLength(1);
  });

  it('has the id of its metadata in the answer, whatever comes of it, and one of its own without', async () => {
    const metadata = { 'x-request-id': 'trace-1' };
    expect((await infer(good, { metadata })).metadata).toMatchObject({ 'x-request-id': 'trace-1' });
    expect((await infer({ ...good, modelName: 'none' }, { metadata })).metadata).toMatchObject({
      'x-request-id': 'trace-1',
      'nestor-code': 'MODEL_NOT_FOUND',
    });
    expect((await infer(good, { metadata: { 'x-request-id': 'two words' } })).metadata['x-request-id']).toMatch(/^[\w-]{36}$/);
  });

  it('may be larger than the 4 MiB of gRPC', async () => {
    const rows = 2 ** 20;
    const block = new Uint8Array(Float64Array.from({ length: rows }, (_, i) => i / 3).buffer);
    const { message, details } = await infer({
      modelName: 'fp64',
      inputs: [{ name: 'x', datatype: 'FP64', shape: [1n, BigInt(rows)] }],
      rawInputContents: [block],
    });
    expect(details).toBe('');
    expect(Buffer.compare(message?.rawOutputContents[0] ?? Buffer.alloc(0), block)).toBe(0);
  });

  it('may be compressed', async () => {
    for (const algorithm of [compressionAlgorithms.deflate, compressionAlgorithms.gzip]) {
      const other = new GrpcClient(server.grpc, { 'grpc.default_compression_algorithm': algorithm });
      expect((await other.unary(method.modelInfer, good)).status).toBe('OK');
      other.close();
    }
  });

  it('has a deadline, in microseconds as a parameter or as that of the call', async () => {
    const parameters = { timeout: { parameterChoice: { case: 'int64Param' as const, value: 1n } } };
    expect((await infer({ ...good, parameters })).status).toBe('DEADLINE_EXCEEDED');
    expect((await infer(good, { timeoutMs: 0 })).status).toBe('DEADLINE_EXCEEDED');
    expect((await infer(good, { timeoutMs: 60_000 })).status).toBe('OK');
  });

  it.each([600, 1199, 2_777_777])('may have a deadline in %p hours', async (hours) => {
    expect((await infer(good, { timeoutMs: hours * 3_600_000 })).status).toBe('OK');
  });
});

describe('what is not right is refused by name', () => {
  const ints = (...values: number[]) => ({ contents: { intContents: values } });
  const text = { parameterChoice: { case: 'stringParam' as const, value: 'yes' } };

  it.each<[string, Request, string]>([
    ['no inputs', { modelName: 'digits' }, 'inputs.pixels'],
    ['an unknown input', { ...good, inputs: [{ ...input, name: 'nothing' }] }, 'inputs.nothing'],
    ['an input twice', { ...good, inputs: [input, input], rawInputContents: [pixels, pixels] }, 'inputs.pixels'],
    ['no datatype', { ...good, inputs: [{ ...input, datatype: '' }] }, 'inputs.pixels.datatype'],
    ['BF16', { ...good, inputs: [{ ...input, datatype: 'BF16' }] }, 'inputs.pixels.datatype: BF16'],
    ['another shape', { ...good, inputs: [{ ...input, shape: [2n, 64n] }] }, 'inputs.pixels.data'],
    ['a shape beyond all memory', { ...good, inputs: [{ ...input, shape: [2n ** 52n, 64n] }] }, 'inputs.pixels.data'],
    ['a shape beyond all numbers', { ...good, inputs: [{ ...input, shape: [2n ** 62n, 64n] }] }, 'inputs.pixels.shape'],
    ['a negative shape', { ...good, inputs: [{ ...input, shape: [-1n, 64n] }] }, 'inputs.pixels.shape'],
    ['neither bytes nor contents', { ...good, rawInputContents: [] }, 'inputs.pixels.contents'],
    ['more bytes than inputs', { ...good, rawInputContents: [pixels, pixels] }, 'raw_input_contents'],
    ['bytes and contents', { ...good, inputs: [{ ...input, contents: { fp32Contents: [1] } }] }, 'inputs.pixels.contents'],
    ['contents of another datatype', { modelName: 'int8', inputs: [x('INT8', { contents: { uintContents: [1, 2, 3, 4] } })] }, 'inputs.x.contents.uint_contents: INT8 is carried by int_contents'],
    ['too few elements', { modelName: 'int8', inputs: [x('INT8', ints(1, 2, 3))] }, 'inputs.x.contents.int_contents'],
    ['elements out of range', { modelName: 'int8', inputs: [x('INT8', ints(1, 2, 3, 128))] }, 'inputs.x.contents.int_contents: Element 3'],
    ['FP16 in typed contents', { modelName: 'fp16', inputs: [x('FP16', { contents: { fp32Contents: [1, 2, 3, 4] } })] }, 'raw_input_contents'],
    ['FP16 out as typed contents', { modelName: 'fp16', inputs: [x('FP16')], rawInputContents: [raw('FP16')], parameters: { binary_data_output: flag(false) } }, 'outputs.y'],
    ['bytes that are no text', { modelName: 'bytes', inputs: [x('BYTES', { contents: { bytesContents: [1, 2, 3, 4].map(() => Uint8Array.of(255)) } })] }, 'UTF-8'],
    ['an unknown output', { ...good, outputs: [{ name: 'nothing' }] }, 'outputs'],
    ['some outputs as bytes and some not', { ...good, outputs: [{ name: 'label', parameters: { binary_data: flag(false) } }, { name: 'probabilities' }] }, 'outputs'],
    ['a flag that is none', { ...good, parameters: { binary_data_output: text } }, 'parameters.binary_data_output'],
    ['a timeout that is none', { ...good, parameters: { timeout: text } }, 'parameters.timeout'],
    ['a parameter without a value', { ...good, parameters: { timeout: {} } }, 'parameters.timeout'],
    ['a reserved parameter', { ...good, parameters: { triton_x: flag(true) } }, 'parameters.triton_x'],
  ])('%s', async (_, request, field) => {
    const { status, details } = await infer(request);
    expect([status, details]).toEqual(['INVALID_ARGUMENT', expect.stringContaining(field)]);
  }); // prettier-ignore

  it('bytes that are no message', async () => {
    expect(await infer(Buffer.from('nonsense'))).toMatchObject({
      status: 'INVALID_ARGUMENT',
      details: expect.stringContaining('inference.ModelInferRequest'),
    });
  });

  it('names that would burst a header, and those that no header can have', async () => {
    for (const modelName of ['x'.repeat(1_000_000), 'ü\u0000\n', '__proto__', '']) {
      const { status, details, metadata } = await infer({ ...good, modelName });
      expect([status, metadata['nestor-code']]).toEqual(['NOT_FOUND', 'MODEL_NOT_FOUND']);
      expect(details.length).toBeLessThanOrEqual(1000);
    }
  });

  it('methods that there are not', async () => {
    const { modelInfer } = method;
    const unknown = { ...modelInfer, name: 'ModelStreamInfer' } as typeof modelInfer;
    expect(await client.unary(unknown, good, { metadata: { 'x-request-id': 'streamed' } })).toMatchObject({
      status: 'UNIMPLEMENTED',
      metadata: { 'nestor-code': 'NOT_IMPLEMENTED', 'x-request-id': 'streamed' },
    });
    expect(await metric(server, 'nestor_request_duration_seconds_count', { route: '_unknown' })).toBe(1);
  });

  it('messages that are larger than their method has a use for', async () => {
    expect(await client.unary(method.modelReady, { name: 'x'.repeat(5000) })).toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
      details: expect.stringContaining('4096'),
      metadata: { 'nestor-code': 'PAYLOAD_TOO_LARGE' },
    });
  });
});

it('mutated messages are refused, nothing of the inside leaves, and labels do not grow', async () => {
  const random = seeded(20_261_125);
  const valid: Request[] = [
    { ...good, id: 'a', outputs: [{ name: 'label' }], parameters: { timeout: { parameterChoice: { case: 'int64Param', value: 60_000_000n } } } },
    { modelName: 'int32', inputs: [x('INT32', { contents: { intContents: [1, 2, 3, 4] } })] },
    { modelName: 'bytes', inputs: [x('BYTES')], rawInputContents: [raw('BYTES')] },
  ]; // prettier-ignore
  const bodies = valid.map((request) => Buffer.from(toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, request))));
  const messages = Array.from({ length: MESSAGES }, (_, index) => bytewise(bodies[index % bodies.length] ?? Buffer.alloc(0), random));
  const counts = new Map<string, number>();
  await inParallel(messages, 8, async (message) => {
    const { status, details } = await infer(message);
    counts.set(status, (counts.get(status) ?? 0) + 1);
    expect(details).not.toMatch(/node_modules|\bdist\/|\.[cm]?[jt]s:\d+|\n\s+at |onnxruntime/i);
  });
  const expected = ['OK', 'INVALID_ARGUMENT', 'NOT_FOUND', 'UNIMPLEMENTED', 'DEADLINE_EXCEEDED'];
  expect([...counts.keys()].filter((status) => !expected.includes(status))).toEqual([]);
  expect(counts.get('INVALID_ARGUMENT')).toBeGreaterThan(1000);
  expect((await infer(good)).status).toBe('OK');

  const labels = (await samples(server))
    .filter(({ name }) => name === 'nestor_request_duration_seconds_count')
    .map((sample) => sample.labels);
  const methods = Object.values(method).map(({ name }) => `/inference.GRPCInferenceService/${name}`);
  expect(labels.map(({ route = '' }) => route).filter((route) => route.startsWith('/inference') && !methods.includes(route))).toEqual([]);
  expect(await metric(server, 'nestor_rejected_total', { reason: 'INVALID_REQUEST' })).toBeGreaterThan(1000);
  expect((await send(`${server.url}/health/ready`)).status).toBe(200);
});

it("NVIDIA's client works unchanged", async () => {
  const interpreter = python();
  if (!interpreter) return;
  const whole = await Server.start({ CACHE: 'off' });
  try {
    expect(await script(interpreter, 'oip_grpc.py', whole.grpc, new URL(whole.url).host, FIXTURES)).toContain('ok');
  } finally {
    await whole.stop();
  }
});
