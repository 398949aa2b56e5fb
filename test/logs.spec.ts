// The log: a line a request, an explanation where one was slow, and nothing that was sent.
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { post, send } from './setup/client.js';
import { digits, MINILM } from './setup/fixtures.js';
import { metric } from './setup/metrics.js';
import { fixture, removeRepositories, shipped, written } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

type Line = Readonly<Record<string, unknown>>;

const INFO = 30;
const WARN = 40;
/** Longer than SLOW_REQUEST_MS: a batch of one waits so long for company. */
const WAITS = { manifest: 'batching: { maxDelayMs: 1200 }\nruntime: { instances: 1 }\n', slowMs: '1000' };
const { pixels } = digits();
let server: Server;

beforeAll(async () => {
  server = await Server.start({
    MODEL_REPOSITORY: await written({
      'digits/1': { from: `${shipped('digits')}/1` },
      'slow/1': { from: `${shipped('digits')}/1` },
      'slow/model.yaml': WAITS.manifest,
      [MINILM]: { from: shipped(MINILM) },
      logarithm: { from: fixture('logarithm') },
    }),
    LOG_LEVEL: 'trace',
    SLOW_REQUEST_MS: WAITS.slowMs,
    CACHE: 'off',
    ADMIN_API: 'on',
  });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

function lines(): Line[] {
  return server.output.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Line); // prettier-ignore
}

/** The lines with that id, once there is one about the request. */
function about(id: string): Promise<Line[]> {
  return until(`the line of ${id}`, () => {
    const found = lines().filter(({ requestId }) => requestId === id);
    return found.some(({ msg }) => /^(slow )?request$/.test(String(msg))) ? found : undefined;
  });
}

it('has one line for a request: id, model, status, times', async () => {
  await post(`${server.url}/v1/models/digits/predict`, { instances: pixels.slice(0, 2) }, { 'X-Request-Id': 'one' });
  const [line, ...more] = await about('one');
  expect(more).toEqual([]);
  expect(line).toMatchObject({
    level: INFO,
    method: 'POST',
    route: '/v1/models/:model/predict',
    status: 200,
    model: 'digits',
    version: '1',
  });
  for (const time of ['totalMs', 'queueMs', 'inferenceMs']) expect(line?.[time]).toEqual(expect.any(Number));
  expect(Number(line?.totalMs)).toBeGreaterThanOrEqual(Number(line?.queueMs) + Number(line?.inferenceMs));
  expect(line).not.toHaveProperty('trace_id');

  await post(`${server.url}/v1/embeddings`, { model: MINILM, input: 'a text' }, { 'X-Request-Id': 'two' });
  expect(await about('two')).toMatchObject([{ level: INFO, route: '/v1/embeddings', model: MINILM, version: '1' }]);
});

it('says why a request was refused', async () => {
  await post(`${server.url}/v1/models/nobody/versions/7/predict`, {}, { 'X-Request-Id': 'refused' });
  expect(await about('refused')).toMatchObject([{ level: INFO, status: 404, code: 'MODEL_NOT_FOUND', model: 'nobody', version: '7' }]);
});

it.each([
  ['cannot be decoded', '/v1/models/%zz/predict', 400, 'INVALID_REQUEST'],
  ['is too long in one of its parts', `/v1/models/${'a'.repeat(5000)}/predict`, 414, 'URL_TOO_LONG'],
])('has a line for a request whose path %s, and the metrics have it', async (_, path, status, code) => {
  const rejected = () => metric(server, 'nestor_rejected_total', { reason: code });
  const before = await rejected();
  const refused = await post(`${server.url}${path}`, {}, { 'X-Request-Id': code });
  expect([refused.status, refused.headers.get('server-timing')]).toEqual([status, expect.stringMatching(/^total;dur=/)]);
  const [line, ...more] = await about(code);
  expect([line, more]).toEqual([expect.objectContaining({ level: INFO, method: 'POST', status, code }), []]);
  expect(await rejected()).toBe(before + 1);
  const counted = await metric(server, 'nestor_request_duration_seconds_count', { route: '_unknown', status: String(status) });
  expect(counted).toBeGreaterThan(0);
});

it('has a line for a request whose client did not wait, and the metrics have it', async () => {
  const body = { inputs: { pixels: pixels.slice(0, 1) } };
  const impatient = post(`${server.url}/v1/models/slow/predict`, body, { 'X-Request-Id': 'gone' }, AbortSignal.timeout(300));
  await expect(impatient).rejects.toThrow();
  expect(await about('gone')).toMatchObject([{ status: 499, code: 'CANCELLED', route: '/v1/models/:model/predict', model: 'slow' }]);
  const { text } = await send(`${server.url}/metrics`);
  expect(text).toContain('nestor_request_duration_seconds_count{route="/v1/models/:model/predict",status="499"} 1');
});

it('of audit has what was done for an administrator who did not wait', async () => {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.write('POST /v2/repository/models/digits/load HTTP/1.1\r\nHost: a\r\nX-Request-Id: audited\r\nContent-Length: 0\r\n\r\n', () => {
    socket.destroy();
  });
  const found = await until('the line of the audit log', () =>
    lines().find(({ event, requestId }) => event === 'admin' && requestId === 'audited'),
  );
  expect(found).toMatchObject({ caller: 'anybody', model: 'digits', route: 'POST /v2/repository/models/:model/load' });
});

it('has what ONNX Runtime said of a run that failed, under the id of the request and nowhere else', async () => {
  await post(`${server.url}/v1/models/digits/predict`, { inputs: { pixels: [] } }, { 'X-Request-Id': 'nothing' });
  expect((await about('nothing')).at(-1)).toMatchObject({ status: 400, code: 'INVALID_REQUEST' });
});

it('does not count probes and scrapes at that level', async () => {
  for (const path of ['/health/live', '/health/ready', '/metrics', '/v2/health/live']) await send(server.url + path, { headers: { 'X-Request-Id': path.replaceAll('/', '.') } }); // prettier-ignore
  for (const id of ['.health.live', '.health.ready', '.metrics', '.v2.health.live']) expect((await about(id)).map(({ level }) => Number(level) < INFO)).toEqual([true]); // prettier-ignore
});

it('explains a request that was slow: every station, the queue, the batch', async () => {
  const body = { instances: pixels.slice(0, 3) };
  await Promise.all(['slow-1', 'slow-2'].map((id) => post(`${server.url}/v1/models/slow/predict`, body, { 'X-Request-Id': id })));
  const explained = (await Promise.all(['slow-1', 'slow-2'].map(about))).flat();
  expect(explained).toHaveLength(2);
  for (const line of explained) {
    expect(line).toMatchObject({
      level: WARN,
      msg: 'slow request',
      status: 200,
      model: 'slow',
      batchRows: 6,
      bodyBytes: JSON.stringify(body).length,
    });
    const parts = ['decodeMs', 'beforeQueueMs', 'queueMs', 'afterQueueMs', 'encodeMs'].map((name) => Number(line[name]));
    expect(parts.every((ms) => ms >= 0)).toBe(true);
    // Together they are all of it.
    expect(parts.reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(Number(line.totalMs), 1);
    expect(Number(line.queueMs)).toBeGreaterThan(1000);
  }
  expect(explained.map(({ queuedRows }) => queuedRows).sort()).toEqual([0, 3]);
});

it('explains one that was slow and came to nothing, as far as it came', async () => {
  const body = { instances: pixels.slice(0, 1) };
  const late = post(`${server.url}/v1/models/slow/predict`, body, { 'X-Request-Id': 'late' }, AbortSignal.timeout(1100));
  await expect(late).rejects.toThrow();
  const [line] = await about('late');
  expect(line).toMatchObject({ level: WARN, status: 499, code: 'CANCELLED', model: 'slow', queueMs: expect.any(Number) });
  for (const missing of ['batchRows', 'inferenceMs', 'afterQueueMs']) expect(line).not.toHaveProperty(missing);
});

it('holds no secret and nothing of what was sent, at any level, whatever came of the request', async () => {
  const SECRET = 'hunter2hunter2';
  const headers = {
    Authorization: `Bearer ${SECRET}`,
    Cookie: `session=${SECRET}`,
    'X-Api-Key': SECRET,
    Accept: `application/json;x=${SECRET}`,
  };
  const bodies: unknown[] = [
    { model: MINILM, input: SECRET, user: SECRET },
    { model: SECRET, input: [SECRET] },
    { model: MINILM, input: { [SECRET]: SECRET } },
    `{"model": "${MINILM}", "input": ${SECRET}`,
    `"${SECRET}`,
  ];
  for (const path of ['/v1/embeddings', `/v1/models/${MINILM}/predict`, `/v2/models/${MINILM}/infer`, '/nowhere']) {
    for (const body of bodies) await post(`${server.url}${path}?key=${SECRET}`, body, headers);
    await post(`${server.url}${path}`, SECRET, { ...headers, 'Content-Type': `text/${SECRET}`, 'Content-Encoding': SECRET });
  }
  await post(`${server.url}/v1/embeddings`, '{}', { 'X-Request-Id': 'last' });
  await about('last');
  expect(server.output.match(new RegExp(`.*${SECRET}.*`, 'g')) ?? []).toEqual([]);
});
