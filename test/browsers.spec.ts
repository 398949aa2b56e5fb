// What browsers are told: policies for pages, nosniff for answers, and which origins may call.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, send } from './setup/client.js';
import { example } from './setup/fixtures.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';

const [ONE, OTHER, STRANGER] = ['https://one.example', 'http://localhost:3000', 'https://stranger.example'];

let closed: Server;
let open: Server;
beforeAll(async () => {
  const MODEL_REPOSITORY = await copied({ digits: shipped('digits') });
  [closed, open] = await Promise.all([
    Server.start({ MODEL_REPOSITORY }),
    Server.start({ MODEL_REPOSITORY, CORS_ORIGINS: `${ONE}, ${OTHER}` }),
  ]);
});
afterAll(async () => {
  await Promise.all([closed.stop(), open.stop()]);
  await removeRepositories();
});

const predict = (server: Server, headers = {}) => post(`${server.url}/v1/models/digits/predict`, example('digits'), headers);

describe('every answer', () => {
  it('is what its Content-Type says, and tells of no software', async () => {
    const answers = await Promise.all([
      predict(closed),
      post(`${closed.url}/v1/models/digits/predict`, '{'),
      ...['/health', '/metrics', '/docs', '/openapi.json', '/nothing', '/v1/models/%ff'].map((path) => send(closed.url + path)),
    ]);
    for (const { headers } of answers) {
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect([headers.get('x-powered-by'), headers.get('server')]).toEqual([null, null]);
    }
  });
});

describe('the pages', () => {
  it('run their own scripts alone, in no frame, and do not demand TLS of a server that has none', async () => {
    const { headers, text } = await send(`${closed.url}/docs`);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/default-src 'self'/);
    expect(policy).toMatch(/frame-ancestors 'none'/);
    expect(policy).not.toMatch(/script-src[^;]*unsafe|upgrade-insecure-requests/);
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
    // What the policy forbids, the page does not have.
    expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|<script[^>]*src=["']?https?:/i);
    const sources = [...text.matchAll(/(?:src|href)=["']([^"']+)["']/g)]
      .map(([, source = '']) => source)
      .filter((source) => !source.startsWith('#'));
    expect(sources.length).toBeGreaterThan(3);
    for (const source of sources) {
      const { status, headers: own } = await send(new URL(source, `${closed.url}/docs`).href);
      expect([source, status, own.get('x-content-type-options')]).toEqual([source, 200, 'nosniff']);
    }
  });

  it('have them to themselves: an answer of the API has nothing of it', async () => {
    expect((await predict(closed)).headers.get('content-security-policy')).toBeNull();
  });
});

describe('another origin', () => {
  const preflight = (server: Server, origin: string) =>
    send(`${server.url}/v1/models/digits/predict`, {
      method: 'OPTIONS',
      headers: { Origin: origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type,authorization' },
    });
  const allowed = ({ headers }: { headers: Headers }) => headers.get('access-control-allow-origin');

  it('may do nothing unless it is listed', async () => {
    expect(allowed(await predict(closed, { Origin: ONE }))).toBeNull();
    expect(allowed(await preflight(closed, ONE))).toBeNull();
    expect(allowed(await predict(open, { Origin: STRANGER }))).toBeNull();
    expect(allowed(await preflight(open, STRANGER))).toBeNull();
  });

  it('that is listed may call and read, and asks beforehand', async () => {
    const { status, headers } = await preflight(open, ONE);
    expect([status, allowed({ headers }), headers.get('access-control-allow-headers')]).toEqual([204, ONE, 'content-type,authorization']);
    const answer = await predict(open, { Origin: OTHER });
    expect([answer.status, allowed(answer)]).toEqual([200, OTHER]);
    expect(answer.headers.get('vary')).toMatch(/Origin/);
    expect(answer.headers.get('vary')).toMatch(/Accept/);
  });

  it('gets no answer that was remembered for another', async () => {
    for (const origin of [ONE, OTHER, ONE]) {
      const answer = await predict(open, { Origin: origin });
      expect([answer.headers.get('x-cache'), allowed(answer)]).toEqual(['hit; tier=memory', origin]);
      expect(answer.headers.get('vary')).toMatch(/Origin.*Accept/);
    }
    const answer = await predict(open);
    expect([answer.headers.get('x-cache'), allowed(answer)]).toEqual(['hit; tier=memory', null]);
  });

  it('reads what tells the bytes of an answer apart, what they are and what is left', async () => {
    const exposed = (await predict(open, { Origin: ONE })).headers.get('access-control-expose-headers')?.split(', ');
    expect(exposed).toEqual(
      expect.arrayContaining(['ETag', 'Inference-Header-Content-Length', 'RateLimit', 'RateLimit-Policy', 'Retry-After']),
    );
  });

  it('reads refusals too', async () => {
    expect(allowed(await post(`${open.url}/v1/models/nobody/predict`, {}, { Origin: ONE }))).toBe(ONE);
  });

  it('that is no origin stops the boot', async () => {
    const server = Server.launch({ CORS_ORIGINS: 'https://one.example/path' });
    const { code, output } = await server.ended();
    expect([code, output]).toEqual([1, expect.stringContaining('CORS_ORIGINS')]);
  });
});
