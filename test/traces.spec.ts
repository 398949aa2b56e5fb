// Traces, as a collector gets them: the stations of a request, the company it kept, and what it costs when nobody asks.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { GRPCInferenceService } from '../src/grpc/inference_pb.js';
import { post, type Answer } from './setup/client.js';
import { digits, MINILM } from './setup/fixtures.js';
import { GrpcClient } from './setup/grpc.js';
import { OtlpReceiver, type Span } from './setup/otlp.js';
import { python, script } from './setup/python.js';
import { copied, removeRepositories, shipped, written } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';
import { lookupModel } from './soak/identity-model.js';

const TOGETHER = 8;
const { pixels } = digits();
const zeros = {
  modelName: 'digits',
  inputs: [{ name: 'pixels', datatype: 'FP32', shape: [1n, 64n] }],
  rawInputContents: [new Uint8Array(256)],
};
const interpreter = python();
const withPython = interpreter ? describe : describe.skip;

interface Parent {
  readonly trace: string;
  readonly span: string;
  readonly header: string;
}

function parentOf(sampled = true): Parent {
  const [trace, span] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { trace, span, header: `00-${trace}-${span}-0${sampled ? 1 : 0}` };
}

function named(spans: readonly Span[], name: string): Span[] {
  return spans.filter((span) => span.name === name);
}

function repository(): Promise<string> {
  return written({
    'digits/1': { from: `${shipped('digits')}/1` },
    'digits/model.yaml': `batching: { maxRows: ${TOGETHER}, maxDelayMs: 300 }\nruntime: { instances: 1 }\n`,
    [MINILM]: { from: shipped(MINILM) },
    'lookup/1/model.onnx': lookupModel(),
    'lookup/model.yaml': 'batching: { maxDelayMs: 300 }\nruntime: { instances: 1 }\n',
  });
}

const alone = (): Promise<string> => copied({ digits: shipped('digits') });

withPython('a request that is traced', () => {
  let receiver: OtlpReceiver;
  let server: Server;

  beforeAll(async () => {
    receiver = new OtlpReceiver(interpreter ?? '');
    server = await Server.start({
      MODEL_REPOSITORY: await repository(),
      OTEL_EXPORTER_OTLP_ENDPOINT: await receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_SERVICE_NAME: 'test-of-nestor',
      // Equal requests are to meet in the queue here.
      CACHE: 'off',
    });
  });
  afterAll(async () => {
    await receiver.stop();
    await server.stop();
    await removeRepositories();
  });

  const predict = (traceparent: string, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Answer> =>
    post(`${server.url}/v1/models/digits/predict`, { instances: pixels.slice(0, 1) }, { traceparent, ...headers }, signal);

  /** The spans of a trace, once so many requests of it are whole. */
  async function whole(trace: string, requests = 1): Promise<Span[]> {
    return until(`${requests} request spans`, () => {
      const spans = receiver.of(trace);
      return spans.filter(({ kind }) => kind === 2).length === requests ? spans : undefined;
    });
  }

  it('reads as its stations, each within the request, with the model and what the batch was', async () => {
    const { trace, span, header } = parentOf();
    const { status, headers } = await post(`${server.url}/v1/embeddings`, { model: MINILM, input: 'one text' }, { traceparent: header });
    expect(status).toBe(200);
    const spans = await whole(trace);
    const [request] = named(spans, 'POST /v1/embeddings');
    expect(request).toMatchObject({ service: 'test-of-nestor', parent: span, error: false });
    expect(request?.attributes).toMatchObject({
      'http.route': '/v1/embeddings',
      'http.response.status_code': 200,
      'nestor.request.id': headers.get('x-request-id'),
      'nestor.model': MINILM,
      'nestor.version': '1',
    });
    expect(headers.get('traceresponse')).toBe(`00-${trace}-${request?.id}-01`);
    const stations = spans.filter((each) => each !== request).sort((a, b) => Number(BigInt(a.start) - BigInt(b.start)));
    expect(stations.map(({ name }) => name)).toEqual(['decode', 'preprocess', 'queue', 'batch', 'inference', 'encode']);
    for (const { parent, start, end } of stations) {
      expect(parent).toBe(request?.id);
      // Clocks are doubles of milliseconds: a microsecond is lost here and there.
      expect(BigInt(start) + 2000n >= BigInt(request?.start ?? 0)).toBe(true);
      expect(BigInt(end) <= BigInt(request?.end ?? 0) + 2000n).toBe(true);
      expect(BigInt(end) >= BigInt(start)).toBe(true);
    }
    const company = {
      'nestor.model': MINILM,
      'nestor.version': '1',
      'nestor.batch.rows': 1,
      'nestor.batch.tokens': 4,
      'nestor.batch.padding_ratio': 0,
    };
    for (const name of ['batch', 'inference']) expect(named(spans, name)[0]?.attributes).toMatchObject(company);
    expect(named(spans, 'queue')[0]?.attributes).toEqual({ 'nestor.queue.rows': 0 });
  });

  it(`of a batch of ${TOGETHER}: ${TOGETHER} request spans, copied to one batch span, and it to them`, async () => {
    const spans = await until('a batch of all', async () => {
      const { trace, header } = parentOf();
      await Promise.all(Array.from({ length: TOGETHER }, () => predict(header)));
      const some = await whole(trace, TOGETHER);
      return named(some, 'batch').length === 1 ? some : undefined;
    });
    const requests = spans.filter(({ kind }) => kind === 2);
    const [batch] = named(spans, 'batch');
    expect(batch?.attributes).toMatchObject({ 'nestor.batch.rows': TOGETHER, 'nestor.batch.requests': TOGETHER });
    expect(batch?.links.map(({ id }) => id).sort()).toEqual(requests.map(({ id }) => id).sort());
    const link = { trace: batch?.trace, id: batch?.id };
    for (const request of requests) expect(request.links).toEqual([link]);
    const inferences = named(spans, 'inference');
    expect(new Set(inferences.map(({ parent }) => parent))).toEqual(new Set(requests.map(({ id }) => id)));
    for (const inference of inferences) expect(inference.links).toEqual([link]);
  });

  it('is not, where its client decided so, and a header that is none begins a trace of its own', async () => {
    const unsampled = parentOf(false);
    expect((await predict(unsampled.header)).headers.get('traceresponse')).toBe(null);
    const headers = [
      '',
      'nonsense',
      `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`,
      `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      'x'.repeat(4000),
    ];
    await Promise.all(
      headers.map(async (header) => {
        const { status, headers } = await predict(header, { tracestate: 'a=b,'.repeat(500) });
        const [, trace = ''] = /^00-([\da-f]{32})-[\da-f]{16}-01$/.exec(headers.get('traceresponse') ?? '') ?? [];
        expect([status, header, (await whole(trace))[0]?.name]).toEqual([200, header, expect.any(String)]);
        expect(receiver.of(trace).find(({ kind }) => kind === 2)?.parent).toBe('');
      }),
    );
    expect(receiver.of(unsampled.trace)).toEqual([]);
  });

  it('in a batch that failed says so, links to it as others do, and the one that was not to blame is carried by another', async () => {
    const [good, bad] = [parentOf(), parentOf()];
    const look = ({ header }: Parent, i: number): Promise<Answer> =>
      post(`${server.url}/v1/models/lookup/predict`, { inputs: { x: [[1, 2, 3, 4]], i: [[i]] } }, { traceparent: header });
    const answers = await Promise.all([look(good, 2), look(bad, 4711)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 500]);
    const spans = [...(await whole(good.trace)), ...(await whole(bad.trace))];
    const [together, ...alone] = named(spans, 'batch').sort((a, b) => Number(BigInt(a.start) - BigInt(b.start)));
    const failed = { 'nestor.model': 'lookup', 'nestor.batch.requests': 2, 'error.type': 'INFERENCE_FAILED' };
    expect(together).toMatchObject({ error: true, attributes: failed });
    const requests = spans.filter(({ kind }) => kind === 2);
    expect(together?.links.map(({ id }) => id).sort()).toEqual(requests.map(({ id }) => id).sort());
    expect(alone.map(({ trace, error }) => [trace, error]).sort()).toEqual([[good.trace, false], [bad.trace, true]].sort()); // prettier-ignore
    for (const { trace, links, error } of requests) {
      expect(error).toBe(trace === bad.trace);
      const own = [together, ...alone.filter((batch) => batch.trace === trace)];
      expect(links.map(({ id }) => id)).toEqual(own.map((batch) => batch?.id));
      expect(named(spans, 'inference').filter((span) => span.trace === trace).map((span) => span.error)).toEqual([true, trace === bad.trace]); // prettier-ignore
    }
  });

  it('that is refused, or given up while it waits, says so', async () => {
    const refused = parentOf();
    expect((await post(`${server.url}/v1/models/nobody/predict`, {}, { traceparent: refused.header })).status).toBe(404);
    const [only, ...others] = await whole(refused.trace);
    expect([only?.attributes['error.type'], only?.error, others]).toEqual(['MODEL_NOT_FOUND', false, []]);

    const late = parentOf();
    await expect(predict(late.header, {}, AbortSignal.timeout(100))).rejects.toThrow();
    const spans = await whole(late.trace);
    expect(spans.find(({ kind }) => kind === 2)).toMatchObject({ attributes: { 'error.type': 'CANCELLED' } });
    expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['decode', 'queue']));
  });

  it('over gRPC reads the same, and its answer carries its trace', async () => {
    const { trace, span, header } = parentOf();
    const client = new GrpcClient(server.grpc);
    const metadata = { traceparent: header, 'x-request-id': 'called' };
    const answer = await client.unary(GRPCInferenceService.method.modelInfer, zeros, { metadata });
    client.close();
    const spans = await whole(trace);
    const request = spans.find(({ kind }) => kind === 2);
    expect([answer.status, answer.metadata.traceresponse]).toEqual(['OK', `00-${trace}-${request?.id}-01`]);
    expect(request).toMatchObject({ name: 'inference.GRPCInferenceService/ModelInfer', parent: span, error: false });
    expect(request?.attributes).toMatchObject({ 'rpc.system': 'grpc', 'rpc.grpc.status_code': 0, 'nestor.model': 'digits' });
    expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['decode', 'queue', 'batch', 'inference', 'encode']));
    const line = await until('its log line', () => server.output.split('\n').find((each) => each.includes('"called"')));
    expect(JSON.parse(line)).toMatchObject({
      msg: 'request',
      method: 'gRPC',
      trace_id: trace,
      model: 'digits',
      queueMs: expect.any(Number),
    });
  });

  it('is found from its log line, and from the buckets that it fell into', async () => {
    const { trace, header } = parentOf();
    await predict(header);
    const line = await until('its log line', () => server.output.split('\n').find((each) => each.includes(trace)));
    expect(JSON.parse(line)).toMatchObject({ msg: 'request', trace_id: trace, model: 'digits', status: 200 });
    const exemplars = JSON.parse(await script(interpreter ?? '', 'openmetrics.py', `${server.url}/metrics`)) as {
      name: string;
      trace: string;
    }[];
    const names = exemplars.filter((exemplar) => exemplar.trace === trace).map(({ name }) => name);
    for (const name of ['request_duration', 'queue_wait', 'inference_duration']) expect(names).toContain(`nestor_${name}_seconds_bucket`);
  });

  it('reaches the collector though the server is told to end at once', async () => {
    const { trace, header } = parentOf();
    const another = await Server.start({
      MODEL_REPOSITORY: await alone(),
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${await receiver.url}/v1/traces`,
    });
    const ask = () => post(`${another.url}/v1/models/digits/predict`, { instances: pixels.slice(0, 1) }, { traceparent: header });
    const [computed, remembered] = [await ask(), await ask()];
    expect([computed, remembered].map(({ headers }) => headers.get('x-cache')?.split(';')[0])).toEqual(['miss', 'hit']);
    const called = parentOf();
    const client = new GrpcClient(another.grpc);
    for (const traceparent of [parentOf().header, called.header])
      expect((await client.unary(GRPCInferenceService.method.modelInfer, zeros, { metadata: { traceparent } })).status).toBe('OK');
    client.close();
    expect((await another.stop()).code).toBe(0);
    const recalled = await whole(called.trace);
    expect(named(recalled, 'cache')).toHaveLength(1);
    expect(recalled.find(({ kind }) => kind === 2)?.attributes).toMatchObject({ 'nestor.model': 'digits' });
    const line = another.output.split('\n').find((each) => each.includes(called.trace));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ model: 'digits', cacheMs: expect.any(Number) });
    const spans = await whole(trace, 2);
    expect(named(spans, 'cache')).toHaveLength(2);
    expect(named(spans, 'batch')).toHaveLength(1);
  });
});

describe('the server', () => {
  const COUNT = `import { registerHooks } from 'node:module';
    import { isMainThread } from 'node:worker_threads';
    let files = 0;
    registerHooks({ load(url, context, next) { files += /@opentelemetry.(?!api)/.test(url) ? 1 : 0; return next(url, context); } });
    if (isMainThread) process.on('exit', () => process.stdout.write('OpenTelemetry files: ' + files + '\\n'));`;
  const options = ['--import', `data:text/javascript,${encodeURIComponent(COUNT)}`];
  // Each thread says it for itself.
  const files = (output: string): number =>
    Math.max(...[...output.matchAll(/OpenTelemetry files: (\d+)/g)].map(([, count]) => Number(count)));

  it('loads nothing of OpenTelemetry without an endpoint', async () => {
    const server = await Server.start({ MODEL_REPOSITORY: await alone() }, options);
    expect(files((await server.stop()).output)).toBe(0);
  });

  it('serves, and ends in order, though nobody takes its spans', async () => {
    const nobody = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_TIMEOUT: '500' };
    const server = await Server.start({ MODEL_REPOSITORY: await alone(), ...nobody }, options);
    for (let i = 0; i < 3; i++)
      expect((await post(`${server.url}/v1/models/digits/predict`, { instances: pixels.slice(0, 1) })).status).toBe(200);
    const { code, output } = await server.stop();
    expect(code).toBe(0);
    expect(files(output)).toBeGreaterThan(0);
  });

  it('traces a quarter of the requests where it is told so, and all of those whose client traces them', async () => {
    const quarter = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    };
    const server = await Server.start({ MODEL_REPOSITORY: await alone(), CACHE: 'off', ...quarter });
    const traced = async (traceparent: () => string): Promise<number> => {
      const answers = Array.from({ length: 400 }, () =>
        post(`${server.url}/v1/models/digits/predict`, { instances: pixels.slice(0, 1) }, { traceparent: traceparent() }),
      );
      return (await Promise.all(answers)).filter(({ headers }) => headers.get('traceresponse') !== null).length;
    };
    // Five standard deviations to each side of 100.
    expect(Math.abs((await traced(() => '')) - 100)).toBeLessThan(44);
    expect(await traced(() => parentOf().header)).toBe(400);
    expect(await traced(() => parentOf(false).header)).toBe(0);
    await server.stop();
  });
});
