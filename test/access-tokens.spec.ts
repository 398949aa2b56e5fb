// JWTs of a real issuer: those that are good come in, with the rights and the tenant that they name, and no other does.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHmac, createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JWK } from 'jose';
import { GRPCInferenceService } from '../src/grpc/inference_pb.js';
import { post, send, type Answer } from './setup/client.js';
import { example } from './setup/fixtures.js';
import { GrpcClient } from './setup/grpc.js';
import { Keys } from './setup/keys.js';
import { metric } from './setup/metrics.js';
import { ROOT } from './setup/paths.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

const SKEW = 5;
const AUDIENCE = 'nestor';
const keys = new Keys();
const key = keys.create('beside', ['predict'], 'tenant-k');

let issuer: ChildProcess;
let issuerUrl = '';
let server: Server;
beforeAll(async () => {
  issuer = spawn(process.execPath, [join(ROOT, 'test/setup/issuer.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (issuer.stdout) [issuerUrl] = (await once(createInterface({ input: issuer.stdout }), 'line')) as [string];
  server = await Server.start({
    ACCESS_KEYS_FILE: keys.file,
    AUDIT_LOG: 'stderr',
    JWT_AUDIENCE: AUDIENCE,
    JWT_CLOCK_SKEW_SECONDS: String(SKEW),
    JWT_ISSUER: issuerUrl,
    JWT_JWKS_URL: `${issuerUrl}/keys`,
    MODEL_REPOSITORY: await copied({ digits: shipped('digits'), spare: shipped('digits') }),
    OPEN_ROUTES: 'metrics',
  });
});
afterAll(async () => {
  await server.stop();
  issuer.kill();
  keys.remove();
  await removeRepositories();
});

const now = (): number => Math.floor(Date.now() / 1000);
const claims = (changes: object = {}): object => ({
  iss: issuerUrl,
  aud: AUDIENCE,
  sub: 'somebody',
  iat: now(),
  exp: now() + 60,
  tenant: 'tenant-a',
  scope: 'openid models:read predict:digits',
  ...changes,
});

async function signed(changes: object = {}, alg = 'RS256'): Promise<string> {
  const { body } = await send(`${issuerUrl}/sign`, { method: 'POST', body: JSON.stringify({ claims: claims(changes), alg }) });
  return body as string;
}

const ask = (token: string, path = '/v1/models', headers: Record<string, string> = {}): Promise<Answer> =>
  send(server.url + path, { headers: { Authorization: `Bearer ${token}`, ...headers } });
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const published = async (): Promise<JWK[]> => ((await send(`${issuerUrl}/keys`)).body as { keys: JWK[] }).keys;

async function refused(token: string, detail = /is not valid/): Promise<void> {
  const answer = await ask(token);
  expect([answer.status, answer.headers.get('www-authenticate'), answer.text]).toEqual([
    401,
    'Bearer realm="nestor"',
    expect.stringMatching(detail),
  ]);
}

describe('a good token', () => {
  it.each(['RS256', 'ES256', 'EdDSA'])('signed with %s comes in, by either header and either door', async (alg) => {
    const token = await signed({}, alg);
    expect((await ask(token)).status).toBe(200);
    expect((await send(`${server.url}/v1/models`, { headers: { 'X-API-Key': token } })).status).toBe(200);
    const client = new GrpcClient(server.grpc);
    const metadata = { authorization: `Bearer ${token}` };
    const [good, absent] = [
      await client.unary(GRPCInferenceService.method.serverMetadata, {}, { metadata }),
      await client.unary(GRPCInferenceService.method.serverMetadata, {}),
    ];
    client.close();
    expect([good.status, absent.status]).toEqual(['OK', 'UNAUTHENTICATED']);
  });

  it('may do what its scopes say, as one text or as a list; scopes of others are passed over', async () => {
    for (const scope of ['openid models:read:spare email', ['openid', 'models:read:spare']]) {
      const { status, text } = await ask(await signed({ scope }));
      expect([status, text.includes('spare'), text.includes('digits')]).toEqual([200, true, false]);
    }
    for (const scope of ['openid', '', undefined, 7]) expect((await ask(await signed({ scope }))).status).toBe(403);
  });

  it('is not verified again while it is good', async () => {
    const token = await signed();
    const before = (await send(`${issuerUrl}/fetched`)).body;
    for (let times = 0; times < 5; times++) expect((await ask(token)).status).toBe(200);
    expect((await send(`${issuerUrl}/fetched`)).body).toBe(before);
  });

  it('may come from a clock that is a little slow', async () => {
    expect((await ask(await signed({ exp: now() - 1 }))).status).toBe(200);
    expect((await ask(await signed({ nbf: now() + 2 }))).status).toBe(200);
  });

  it('is written down by its subject', async () => {
    await ask(await signed({ sub: 'noted' }));
    await until('the line', () => (server.output.includes('"event":"used","caller":"jwt:noted","tenant":"tenant-a"') ? true : undefined));
  });
});

it('names a tenant that is a label of metrics only where a key names it too', async () => {
  const predict = async (credential: string): Promise<void> => {
    const answer = await post(`${server.url}/v1/models/digits/predict`, example('digits'), { Authorization: `Bearer ${credential}` });
    expect(answer.status).toBe(200);
  };
  const counted = (): Promise<number[]> =>
    Promise.all(['tenant-k', 'tenant-j', 'other'].map((tenant) => metric(server, 'nestor_tenant_requests_total', { tenant })));
  await predict(key);
  await predict(await signed({ tenant: 'tenant-j' }));
  expect(await counted()).toEqual([1, 0, 1]);
  keys.create('new', ['predict'], 'tenant-j');
  await until('the key to make a label', async () => {
    await predict(await signed({ tenant: 'tenant-j' }));
    return (await counted())[1] ? true : undefined;
  });
});

describe('refused is a token', () => {
  it('that was tampered with', async () => {
    const token = await signed();
    const [header = '', , signature = ''] = token.split('.');
    await refused([header, encoded(claims({ scope: 'admin' })), signature].join('.'));
    await refused([header, token.split('.')[1], `${signature.slice(0, -8)}AAAAAAAA`].join('.'));
    await refused([header, token.split('.')[1], ''].join('.'));
  });

  it('without a signature: alg none', async () => {
    for (const alg of ['none', 'None', 'NONE']) await refused(`${encoded({ alg, typ: 'JWT' })}.${encoded(claims())}.`);
  });

  it('signed with HS256 and the public key for a secret', async () => {
    const [jwk = {}] = await published();
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const secrets = [key.export({ type: 'spki', format: 'pem' }), key.export({ type: 'spki', format: 'der' }), JSON.stringify(jwk)];
    for (const secret of secrets) {
      const content = `${encoded({ alg: 'HS256', typ: 'JWT', kid: jwk.kid })}.${encoded(claims())}`;
      await refused(`${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`);
    }
  });

  it('that brings its own key', async () => {
    const [jwk] = await published();
    const token = await signed();
    const [, payload, signature] = token.split('.');
    await refused(`${encoded({ alg: 'RS256', jwk })}.${payload}.${signature}`);
    await refused(`${encoded({ alg: 'RS256', jku: 'http://127.0.0.1:1/keys', kid: 'x' })}.${payload}.${signature}`);
  });

  it('for somebody else, or of somebody else', async () => {
    await refused(await signed({ aud: 'other' }));
    await refused(await signed({ aud: undefined }));
    await refused(await signed({ iss: 'https://evil.example' }));
  });

  it('that has expired, is not yet good, or never expires', async () => {
    await refused(await signed({ exp: now() - SKEW - 2 }), /has expired/);
    await refused(await signed({ nbf: now() + SKEW + 30 }));
    await refused(await signed({ exp: undefined }));
  });

  it('that has expired, also where it was remembered', async () => {
    const token = await signed({ exp: now() - SKEW + 1 });
    expect((await ask(token)).status).toBe(200);
    await until('it to expire', async () => ((await ask(token)).status === 401 ? true : undefined));
    await refused(token, /has expired/);
  });

  it('that names nobody, or no tenant', async () => {
    await refused(await signed({ sub: undefined }));
    await refused(await signed({ sub: 4711 }), /"sub\\?" of the token must be a text/);
    await refused(await signed({ tenant: undefined }), /has no claim .*tenant/);
    await refused(await signed({ tenant: 7 }), /has no claim .*tenant/);
  });

  it.each(['', 'x', 'x.y', 'x.y.z', '..', 'a.b.c.d.e', 'nst_a_b', '\u00e9.b.c'])('that is none: %j', async (token) => {
    const answer = await send(`${server.url}/v1/models`, { headers: { Authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(401);
  });
});

describe('the keys of the issuer', () => {
  it('may be rotated while the server runs: what the new ones signed comes in, and what the old ones did goes', async () => {
    const old = await signed();
    await send(`${issuerUrl}/rotate`, { method: 'POST' });
    const fresh = await signed();
    await until('the new keys', async () => ((await ask(fresh)).status === 200 ? true : undefined));
    await refused(old.replace(/.$/, 'A'));
    await refused(old);
  });

  it('are not asked for at every token that strangers make up', async () => {
    const before = (await send(`${issuerUrl}/fetched`)).body as number;
    for (let times = 0; times < 50; times++)
      await refused(`${encoded({ alg: 'RS256', kid: `made-up-${times}` })}.${encoded(claims())}.AAAA`);
    expect(((await send(`${issuerUrl}/fetched`)).body as number) - before).toBeLessThanOrEqual(1);
  });

  it('cannot be had: tokens that are known stay good, others are asked to come back, and no stack trace leaves', async () => {
    const lost = await Server.start({
      JWT_AUDIENCE: AUDIENCE,
      JWT_ISSUER: issuerUrl,
      JWT_JWKS_URL: 'http://127.0.0.1:1/keys',
      MODEL_REPOSITORY: await copied({ digits: shipped('digits') }),
    });
    const answer = await send(`${lost.url}/v1/models`, { headers: { Authorization: `Bearer ${await signed()}` } });
    expect([answer.status, answer.headers.get('retry-after'), answer.text]).toEqual([
      503,
      '5',
      expect.stringContaining('ISSUER_UNAVAILABLE'),
    ]);
    expect((await send(`${lost.url}/health`)).status).toBe(200);
    await lost.stop();
  });
});

it('writes no token down', async () => {
  await ask(await signed());
  expect(server.output).not.toMatch(/eyJ[\w-]{10,}/);
});
