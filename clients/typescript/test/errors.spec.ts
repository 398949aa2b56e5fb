// The errors of every route, and of what is not the server, as one kind of error.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../test/setup/port.js';
import { NestorClient } from '../src/main.js';
import { failure, MODELS, problem } from './refused.js';
import { Stub } from './stub.js';

let stub: Stub;
let client: NestorClient;
beforeAll(async () => {
  stub = await Stub.start();
  client = new NestorClient(`${stub.url}/`);
});
afterAll(() => stub.stop());

describe('an error of /v1/embeddings', () => {
  it.each([
    ['queue_full', 429, 'QUEUE_FULL'],
    ['invalid_api_key', 401, 'UNAUTHENTICATED'],
  ])('%s has the code of the server', async (code, status, own) => {
    stub.answers({ status, body: JSON.stringify({ error: { message: 'Do this', type: 'any', param: null, code } }) });
    const refused = client.embed(['a text'], { model: 'any', retries: 0 });
    expect(await failure(refused)).toMatchObject({ code: own, status, detail: 'Do this', field: undefined });
  });
});

describe('errors', () => {
  it("are those of RFC 9457, as Nestor's routes answer", async () => {
    stub.answers(problem(400, 'INVALID_REQUEST'));
    expect(await failure(client.models())).toMatchObject({
      name: 'NestorError',
      code: 'INVALID_REQUEST',
      status: 400,
      title: 'A title',
      detail: 'Do this',
      message: 'Do this',
      field: 'inputs.x',
      requestId: 'abc',
    });
  });

  it("are those of OpenAI's envelope, as /v1/embeddings answers", async () => {
    const body = JSON.stringify({
      error: { message: 'Send texts', type: 'invalid_request_error', param: 'input', code: 'invalid_request' },
    });
    stub.answers({ status: 400, body });
    expect(await failure(client.embed(['a'], { model: 'm' }))).toMatchObject({
      code: 'INVALID_REQUEST',
      status: 400,
      title: 'Bad Request',
      detail: 'Send texts',
      field: 'input',
    });
  });

  it('of something else in between say what it said', async () => {
    stub.answers({ status: 502, headers: { 'Content-Type': 'text/html' }, body: '<h1>Bad gateway</h1>' });
    const error = await failure(client.models());
    expect(error).toMatchObject({ code: 'UNEXPECTED_STATUS', status: 502, title: 'Bad Gateway' });
    expect(error.detail).toContain('<h1>Bad gateway</h1>');
  });

  it('of a server that is not there name it', async () => {
    const port = await freePort();
    const error = await failure(new NestorClient(`http://127.0.0.1:${port}`, { retries: 1 }).models());
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', status: undefined });
    expect(error.detail).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}.*ECONNREFUSED`));
  });

  it('for names that a URL would take for a step up are raised here', async () => {
    stub.answers(MODELS);
    for (const name of ['..', '.', '']) {
      expect(await failure(client.predict(name, []))).toMatchObject({ code: 'INVALID_REQUEST', field: 'model' });
      expect(await failure(client.predict('digits', [], { version: name }))).toMatchObject({ code: 'INVALID_REQUEST', field: 'version' });
    }
    expect(stub.asked).toHaveLength(0);
    await failure(client.predict('../a b/ü', []));
    expect(stub.asked[0]?.url).toBe('/v1/models/..%2Fa%20b%2F%C3%BC/predict');
  });
});
