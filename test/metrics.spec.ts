// The instruments at /metrics count what happened, and their labels never grow with what clients make up.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ERRORS } from '../src/errors.js';
import { post, send } from './setup/client.js';
import { digits, example, MINILM } from './setup/fixtures.js';
import { metric, samples } from './setup/metrics.js';
import { Server } from './setup/server.js';
import { debian, outcome } from './setup/tools.js';
import { until } from './setup/until.js';

const MODELS = ['all-minilm-l6-v2', 'digits', 'silero-vad', 'text-orientation'];
const PREDICT = '/v1/models/:model/predict';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

it('counts requests, rows and times where they happen', async () => {
  const { pixels } = digits();
  const rows = await metric(server, 'nestor_batch_items_sum', { model: 'digits' });
  expect((await post(`${server.url}/v1/models/digits/predict`, { instances: pixels.slice(0, 10) })).status).toBe(200);
  expect((await post(`${server.url}/v1/embeddings`, { model: MINILM, input: ['a text', 'another'] })).status).toBe(200);
  expect((await post(`${server.url}/v1/models/text-orientation/predict`, example('text-orientation'))).status).toBe(200);

  expect(await metric(server, 'nestor_batch_items_sum', { model: 'digits', version: '1' })).toBe(rows + 10);
  expect(await metric(server, 'nestor_request_duration_seconds_count', { route: PREDICT, status: '200' })).toBe(2);
  expect(await metric(server, 'nestor_request_duration_seconds_count', { route: '/v1/embeddings', status: '200' })).toBe(1);
  expect(await metric(server, 'nestor_preprocess_duration_seconds_count', { model: MINILM })).toBe(1);
  expect(await metric(server, 'nestor_preprocess_duration_seconds_count', { model: 'text-orientation' })).toBe(1);
  for (const model of MODELS) {
    for (const name of ['queue_wait_seconds', 'inference_duration_seconds', 'batch_items', 'batch_padding_ratio']) {
      expect([model, name, await metric(server, `nestor_${name}_count`, { model, version: '1' })]).toEqual([
        model,
        name,
        expect.any(Number),
      ]);
    }
    expect(await metric(server, 'nestor_model_load_duration_seconds', { model })).toBeGreaterThan(0);
    expect(await metric(server, 'nestor_queue_items', { model })).toBe(0);
  }
});

it('counts refusals by their code', async () => {
  await post(`${server.url}/v1/models/digits/predict`, '{}');
  await post(`${server.url}/v1/models/nobody/predict`, '{}');
  await post(`${server.url}/v1/models/digits/predict`, '{}', { 'Content-Type': 'text/plain' });
  for (const reason of ['INVALID_REQUEST', 'MODEL_NOT_FOUND', 'UNSUPPORTED_MEDIA_TYPE']) {
    expect([reason, await metric(server, 'nestor_rejected_total', { reason })]).toEqual([reason, 1]);
  }
});

it('has labels for what there is, and none for what clients make up', async () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
  const header = fc.stringMatching(/^[!-~]{1,60}$/);
  const path = fc.oneof(
    text.map((name) => `/v1/models/${encodeURIComponent(name)}/predict`),
    text.map((version) => `/v1/models/digits/versions/${encodeURIComponent(version)}/predict`),
    text.map((name) => `/v2/models/${encodeURIComponent(name)}/infer`),
    text.map((name) => `/v1/models/${encodeURIComponent(name)}?x=${encodeURIComponent(name)}`),
    fc.constant('/v1/embeddings'),
    fc.webPath(),
  );
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS');
  const request = fc.record({ path, method, body: fc.record({ model: text, input: text }), type: header, id: header });
  await fc.assert(
    fc.asyncProperty(request, async ({ path, method, body, type, id }) => {
      const headers = { 'Content-Type': type, 'X-Request-Id': id, traceparent: id };
      await send(server.url + path, { method, headers, ...(method !== 'GET' && { body: JSON.stringify(body) }) });
    }),
    { numRuns: 200 },
  );
  const labels = (await samples(server)).filter(({ name }) => name.startsWith('nestor_')).map((sample) => sample.labels);
  const values = (name: string): string[] => [...new Set(labels.map((label) => label[name]).filter((value) => value !== undefined))].sort();
  expect(values('model')).toEqual(MODELS);
  expect(values('version')).toEqual(['1']);
  expect(values('route')).toEqual(expect.arrayContaining(['_unknown', PREDICT, '/v1/models/:model']));
  const { paths } = (await send(`${server.url}/openapi.json`)).body as { paths: object };
  const documented = Object.keys(paths).map((each) => each.replaceAll(/\{(\w+)\}/g, ':$1'));
  const others = values('route').filter(
    (route) => !documented.includes(route) && !/^(_unknown|\/metrics|\/docs.*|\/openapi\.json)$/.test(route),
  );
  expect(others).toEqual([]);
  expect(values('status').filter((status) => !/^[2-5]\d\d$/.test(status))).toEqual([]);
  expect(values('reason').filter((reason) => !(reason in ERRORS))).toEqual([]);
});

it('knows how late the event loop was', async () => {
  const looks = (): Promise<number> => metric(server, 'nestor_event_loop_delay_seconds_count');
  const before = await looks();
  await until('another look', async () => ((await looks()) > before ? true : undefined));
  // prom-client's own would wake the event loop all the time, and say what cannot be added up.
  expect((await samples(server)).filter(({ name }) => name.startsWith('nodejs_eventloop'))).toEqual([]);
});

it('is without fault to promtool', async () => {
  if (!(await debian('promtool'))) return;
  const { text } = await send(`${server.url}/metrics`);
  expect(await outcome('promtool', ['check', 'metrics'], text)).toEqual({ code: 0, text: '' });
});
