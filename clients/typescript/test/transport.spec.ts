// Retries, deadlines, aborts and health on the wire, beside a server that misbehaves as told.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NestorClient, type ClientOptions } from '../src/main.js';
import { failure, MODELS, problem } from './refused.js';
import { Stub, type Reply, type Turn } from './stub.js';

const FULL = problem(429, 'QUEUE_FULL', { 'Retry-After': '0' });
/** Cuts the connection without a word, or in the middle of the body. */
const hangUp: Turn = (response) => response.socket?.destroy();
const cutShort: Turn = (response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '100' }).write('{', () => response.socket?.destroy());
};
const silence: Turn = () => undefined;

let stub: Stub;
let client: NestorClient;
beforeAll(async () => {
  stub = await Stub.start();
  client = new NestorClient(`${stub.url}/`);
});
afterAll(() => stub.stop());

describe('another try', () => {
  it.each<[string, Turn]>([
    ['429', FULL],
    ['503', problem(503, 'WORKER_LOST', { 'Retry-After': '0' })],
    ['503 without Retry-After or code', { status: 503 }],
    ['a connection that is cut', hangUp],
    ['an answer that is cut', cutShort],
  ])('is made after %s', async (_, turn) => {
    stub.answers(turn, turn, MODELS);
    expect(await client.models()).toEqual([{ id: 'digits' }]);
    expect(stub.asked).toHaveLength(3);
  });

  it.each([400, 401, 404, 408, 413, 422, 500, 501, 502, 504])('is not made after %i', async (status) => {
    stub.answers(problem(status, 'ANY', { 'Retry-After': '0' }), MODELS);
    expect(await failure(client.models())).toMatchObject({ code: 'ANY', status });
    expect(stub.asked).toHaveLength(1);
  });

  it('is made as often as the options say, and the last error is thrown', async () => {
    stub.answers(FULL);
    expect(await failure(client.models({ retries: 2 }))).toMatchObject({ code: 'QUEUE_FULL', status: 429, retryAfterMs: 0 });
    expect(stub.asked).toHaveLength(3);
    stub.answers(FULL);
    await failure(new NestorClient(stub.url, { retries: 0 }).models());
    expect(stub.asked).toHaveLength(1);
  });

  it.each<[string, Record<string, string>]>([
    ['seconds', { 'Retry-After': '1' }],
    // The clock of this server is wrong by years: only the difference counts.
    ['a date', { Date: 'Sun, 06 Nov 1994 08:49:37 GMT', 'Retry-After': 'Sun, 06 Nov 1994 08:49:38 GMT' }],
  ])('is not made before Retry-After has passed, which is %s', async (_, headers) => {
    stub.answers(problem(429, 'QUEUE_FULL', headers), MODELS);
    await client.models();
    const [first, second] = stub.asked;
    // Timers of Node may fire a millisecond early.
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(998);
  });

  it('is not made where the server asks for a minute or more', async () => {
    stub.answers(problem(503, 'MODEL_NOT_READY', { 'Retry-After': '3600' }));
    expect(await failure(client.models())).toMatchObject({ code: 'MODEL_NOT_READY', retryAfterMs: 3_600_000 });
    expect(stub.asked).toHaveLength(1);
  });

  it('tells the server what is left of the deadline', async () => {
    stub.answers(FULL, FULL, MODELS);
    await client.models({ timeoutMs: 30_000 });
    const [first = 0, second = 0, third = 0] = stub.sent('request-timeout').map(Number);
    expect(first).toBeLessThanOrEqual(30);
    expect(second).toBeLessThan(first);
    expect(third).toBeLessThan(second);
    expect(third).toBeGreaterThan(0);
  });

  it('is not waited for beyond the deadline: the refusal is thrown at once', async () => {
    stub.answers(problem(429, 'QUEUE_FULL', { 'Retry-After': '20' }));
    expect(await failure(client.models({ timeoutMs: 10_000 }))).toMatchObject({ code: 'QUEUE_FULL' });
  });
});

describe('a deadline', () => {
  it('is kept here too, where the server says nothing', async () => {
    stub.answers(silence);
    const error = await failure(client.models({ timeoutMs: 300, requestId: 'order-42' }));
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', detail: 'No answer within 300 ms', requestId: 'order-42' });
    expect(stub.asked).toHaveLength(1);
  });

  it('is kept in the middle of an answer', async () => {
    stub.answers((response) => void response.writeHead(200, { 'Content-Type': 'application/json' }).write('{'));
    expect(await failure(client.models({ timeoutMs: 300 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('of more than an hour is not told to the server, which would refuse it', async () => {
    stub.answers(MODELS);
    await client.models({ timeoutMs: 4_000_000 });
    await client.models({ timeoutMs: Infinity });
    await client.models();
    expect(stub.sent('request-timeout')).toEqual([undefined, undefined, undefined]);
  });

  it.each([0, -1, NaN])('of %d is refused before anything is sent', async (timeoutMs) => {
    stub.answers(MODELS);
    expect(await failure(client.models({ timeoutMs }))).toMatchObject({ code: 'INVALID_REQUEST', field: 'timeoutMs' });
    expect(stub.asked).toHaveLength(0);
  });
});

describe('an abort', () => {
  it('closes the connection and rejects with its reason', async () => {
    const abort = new AbortController();
    const closed = new Promise((resolve) => {
      stub.answers((response) => {
        response.once('close', resolve);
        abort.abort(new Error('changed my mind'));
      });
    });
    await expect(client.models({ signal: abort.signal })).rejects.toThrow('changed my mind');
    await closed;
    expect(stub.asked).toHaveLength(1);
  });

  it('ends the wait for another try', async () => {
    const abort = new AbortController();
    stub.answers((response) => {
      response.once('close', () => {
        abort.abort();
      });
      response.writeHead(503, { 'Retry-After': '50' }).end();
    });
    await expect(client.models({ signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(stub.asked).toHaveLength(1);
  });

  it.each<[string, object, object]>([
    ['an abort', { signal: AbortSignal.timeout(1) }, { name: 'TimeoutError' }],
    ['the deadline', { timeoutMs: 1 }, { code: 'DEADLINE_EXCEEDED' }],
  ])('or %s ends the wait for a key that does not come', async (_, options, reason) => {
    stub.answers(MODELS);
    const keyless = new NestorClient(stub.url, { apiKey: () => new Promise(() => undefined) });
    await expect(keyless.models(options)).rejects.toMatchObject(reason);
    expect(stub.asked).toHaveLength(0);
  });

  it('that came before sends nothing', async () => {
    stub.answers(MODELS);
    await expect(client.models({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(stub.asked).toHaveLength(0);
  });
});

describe('headers', () => {
  it('a key that a function gives, asked again at every try', async () => {
    let asked = 0;
    stub.answers(FULL, MODELS);
    await new NestorClient(stub.url, { apiKey: () => Promise.resolve(`token-${++asked}`) }).models();
    expect(stub.sent('authorization')).toEqual(['Bearer token-1', 'Bearer token-2']);
    stub.answers(MODELS);
    const failing = () => Promise.reject(new Error('no token to be had'));
    await expect(new NestorClient(stub.url, { apiKey: failing }).models()).rejects.toThrow('no token to be had');
    expect(stub.asked).toHaveLength(0);
  });

  it('carry key, priority, id and what the options add', async () => {
    stub.answers(MODELS);
    await new NestorClient(stub.url, { apiKey: 'secret', headers: { 'X-Team': 'search' } }).models({ priority: 0, requestId: 'order-42' });
    expect(stub.asked[0]?.headers).toMatchObject({
      authorization: 'Bearer secret',
      priority: 'u=0',
      'x-request-id': 'order-42',
      'x-team': 'search',
    });
  });
});

describe('health', () => {
  const report = (status: string): Reply => ({
    status: status === 'ok' ? 200 : 503,
    body: JSON.stringify({ status, details: { traffic: { status: status === 'ok' ? 'up' : 'down', message: 'shutting down' } } }),
  });

  it('says at once that the server is not ready: that is the answer', async () => {
    stub.answers(report('error'), report('ok'));
    expect(await client.health()).toEqual({ ready: false, checks: { traffic: { status: 'down', message: 'shutting down' } } });
    expect(stub.asked).toHaveLength(1);
  });

  it('is ready while it is degraded: slower, and still right', async () => {
    const details = { cache: { status: 'degraded', redis: 'down' } };
    stub.answers({ body: JSON.stringify({ status: 'degraded', details }) });
    expect(await client.health()).toEqual({ ready: true, checks: details });
  });

  it('is not a refusal, which is tried again and says what it is', async () => {
    stub.answers(problem(503, 'TOO_MANY_CONNECTIONS', { 'Retry-After': '0' }), report('ok'));
    expect(await client.health()).toMatchObject({ ready: true });
    stub.answers(problem(503, 'TOO_MANY_CONNECTIONS'));
    expect(await failure(client.health({ retries: 0 }))).toMatchObject({ code: 'TOO_MANY_CONNECTIONS', status: 503 });
    stub.answers({ status: 503, headers: { 'Content-Type': 'text/html' }, body: '<h1>No backend</h1>' });
    expect(await failure(client.health({ retries: 0 }))).toMatchObject({ code: 'UNEXPECTED_STATUS', status: 503 });
  });

  it('is not what something else says', async () => {
    stub.answers({ headers: { 'Content-Type': 'text/html' }, body: '<h1>Welcome</h1>' });
    expect(await failure(client.health())).toMatchObject({ code: 'INVALID_ANSWER', status: 200 });
    stub.answers({ body: 'null' });
    expect(await failure(client.health())).toMatchObject({ code: 'INVALID_ANSWER', field: 'details' });
  });
});

describe('options', () => {
  it.each([
    'localhost:8000',
    'ftp://localhost',
    'http://',
    'http:///v1',
    'http://localhost:port',
    'http://a b',
    'http://me:secret@localhost',
  ])('have no base URL %s', (url) => {
    expect(() => new NestorClient(url)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', field: 'baseUrl' }));
  });

  it('that no header can have are refused, and the key is not shown', async () => {
    stub.answers(MODELS);
    const bad: ClientOptions[] = [{ apiKey: 'secret\nkey' }, { headers: { 'a b': 'c' } }, { headers: { a: '✓' } }];
    for (const options of bad) {
      const error = await failure(new NestorClient(stub.url, options).models());
      expect(error).toMatchObject({ code: 'INVALID_REQUEST', field: 'headers' });
      expect(JSON.stringify([error, error.message, error.cause])).not.toContain('secret');
    }
    expect(stub.asked).toHaveLength(0);
  });
});
