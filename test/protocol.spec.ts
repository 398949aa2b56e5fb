// The protocol around the body: verbs, paths, headers, limits; both error dialects.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, send, type Answer, type Problem } from './setup/client.js';
import { expectNoInternals } from './setup/expectations.js';
import { example, MINILM } from './setup/fixtures.js';
import { Server } from './setup/server.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LIMIT = 64 * 1024;
const DIGIT = JSON.stringify(example('digits'));
const LONG_TEXT = 'a long text keeps the model busy for a while '.repeat(60);

let server: Server;
let predict: string;
let embeddings: string;
beforeAll(async () => {
  server = await Server.start({ BODY_LIMIT_BYTES: String(LIMIT) });
  predict = `${server.url}/v1/models/digits/predict`;
  embeddings = `${server.url}/v1/embeddings`;
});
afterAll(() => server.stop());

function expectProblem(answer: Answer, status: number, code: string, field?: string): void {
  const problem = answer.body as Problem | undefined;
  expect([answer.status, problem?.code, problem?.field]).toEqual([status, code, field]);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.headers.get('x-request-id')).toMatch(UUID);
  expectNoInternals(answer);
}

function expectOpenAiError(answer: Answer, status: number, code: string, param: string | null): void {
  expect([answer.status, answer.body]).toEqual([
    status,
    { error: { message: expect.any(String), type: 'invalid_request_error', param, code } },
  ]);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expectNoInternals(answer);
}

describe('formats', () => {
  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])('415 for a body of %s', async (type) => {
    expectProblem(await post(predict, DIGIT, { 'Content-Type': type }), 415, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type');
    const text = JSON.stringify({ model: MINILM, input: 'a' });
    expectOpenAiError(await post(embeddings, text, { 'Content-Type': type }), 415, 'unsupported_media_type', 'Content-Type');
  });

  it.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/vnd.api+json'])('a body of %s is JSON', async (type) => {
    expect((await post(predict, DIGIT, { 'Content-Type': type })).status).toBe(200);
  });

  it('a body without Content-Type is JSON', async () => {
    expect((await send(predict, { method: 'POST', body: Buffer.from(DIGIT) })).status).toBe(200);
  });

  it('406 for an answer as text/csv', async () => {
    expectProblem(await post(predict, DIGIT, { Accept: 'text/csv' }), 406, 'NOT_ACCEPTABLE', 'Accept');
    const text = JSON.stringify({ model: MINILM, input: 'a' });
    expectOpenAiError(await post(embeddings, text, { Accept: 'text/csv' }), 406, 'not_acceptable', 'Accept');
  });

  it.each(['*/*', 'application/*', 'text/html, application/json;q=0.5'])('an answer as %s may be JSON', async (accept) => {
    expect((await post(predict, DIGIT, { Accept: accept })).status).toBe(200);
  });

  it('413 for a body over the limit, announced or not', async () => {
    const large = ' '.repeat(LIMIT + 1);
    expectProblem(await post(predict, large), 413, 'PAYLOAD_TOO_LARGE', 'body');
    expectOpenAiError(await post(embeddings, large), 413, 'payload_too_large', 'body');
    const stream = new Blob([large]).stream();
    expectProblem(await send(predict, { method: 'POST', body: stream, duplex: 'half' }), 413, 'PAYLOAD_TOO_LARGE', 'body');
  });
});

describe('paths and verbs', () => {
  it('404 for an unknown model, in the dialect of the route', async () => {
    expectProblem(await post(`${server.url}/v1/models/nobody/predict`, DIGIT), 404, 'MODEL_NOT_FOUND', 'model');
    expectProblem(await send(`${server.url}/v1/models/nobody`), 404, 'MODEL_NOT_FOUND', 'model');
    expectOpenAiError(await post(embeddings, { model: 'nobody', input: 'a' }), 404, 'model_not_found', 'model');
  });

  it('404 for names that are none', async () => {
    for (const name of ['..%2f..%2fetc', '%00', 'constructor', '__proto__', 'x'.repeat(300)]) {
      expectProblem(await post(`${server.url}/v1/models/${name}/predict`, DIGIT), 404, 'MODEL_NOT_FOUND', 'model');
    }
    expectProblem(await post(`${server.url}/v1/models/digits/versions/01/predict`, DIGIT), 404, 'VERSION_NOT_FOUND', 'version');
  });

  it('404 for an unknown route', async () => {
    expectProblem(await send(`${server.url}/v1/nothing`), 404, 'NOT_FOUND');
  });

  it('405 for a verb that the route has not', async () => {
    expectProblem(await send(predict), 405, 'METHOD_NOT_ALLOWED');
    expectProblem(await send(`${server.url}/v1/models`, { method: 'DELETE' }), 405, 'METHOD_NOT_ALLOWED');
  });

  it('400 for a URL with broken percent-encoding', async () => {
    expectProblem(await post(`${server.url}/v1/models/%zz/predict`, DIGIT), 400, 'INVALID_REQUEST', 'url');
  });

  it('400 for bytes that are no HTTP, and the server goes on', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.end('this is not HTTP\r\n\r\n');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1\.1 400 /);
    expect((await post(predict, DIGIT)).status).toBe(200);
  });
});

describe('deadline and urgency', () => {
  it.each(['soon', '0', '-1', 'Infinity', '3601', 'NaN'])('400 for Request-Timeout: %s', async (timeout) => {
    expectProblem(await post(predict, DIGIT, { 'Request-Timeout': timeout }), 400, 'INVALID_REQUEST', 'Request-Timeout');
  });

  it('504 when the answer would come too late', async () => {
    const body = { instances: [LONG_TEXT], outputs: ['sentence_embedding'] };
    const url = `${server.url}/v1/models/${MINILM}/predict`;
    expectProblem(await post(url, body, { 'Request-Timeout': '0.001' }), 504, 'DEADLINE_EXCEEDED');
    expect((await post(url, body, { 'Request-Timeout': '60' })).status).toBe(200);
  });

  it('200 whatever the urgency: one that there is not counts as none (RFC 9218)', async () => {
    for (const priority of ['u=0', 'u=7, i', 'i', 'u=8', 'urgent'])
      expect((await post(predict, DIGIT, { Priority: priority })).status).toBe(200);
  });
});

describe('what every answer carries', () => {
  it('the id that the client gave, where it is fit, else a new one', async () => {
    const id = async (given: string): Promise<string | null> =>
      (await post(predict, DIGIT, { 'X-Request-Id': given })).headers.get('x-request-id');
    expect(await id('order-42:a.b_c')).toBe('order-42:a.b_c');
    for (const unfit of ['with space', '<script>', 'x'.repeat(129)]) expect(await id(unfit)).toMatch(UUID);
  });

  it('the id of the request in a problem', async () => {
    const { body } = await post(predict, '{}', { 'X-Request-Id': 'mine' });
    expect(body).toMatchObject({ instance: 'urn:request:mine' });
  });

  it('where the time went', async () => {
    const timing = async (url: string, body: unknown): Promise<string | null> => (await post(url, body)).headers.get('server-timing');
    for (const given of [await timing(predict, DIGIT), await timing(embeddings, { model: MINILM, input: 'a' })]) {
      expect(given).toMatch(/^total;dur=[\d.]+/);
      expect(given).toMatch(/queue;dur=[\d.]+/);
      expect(given).toMatch(/inference;dur=[\d.]+/);
    }
    expect(await timing(predict, '{}')).toMatch(/^total;dur=[\d.]+/);
    expect((await send(`${server.url}/health/live`)).headers.get('server-timing')).toMatch(/^total;dur=[\d.]+/);
  });
});
