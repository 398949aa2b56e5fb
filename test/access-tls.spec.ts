// TLS within the process: both doors speak it, clients need certificates where an authority is named, and new certificates need no restart.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, copyFileSync } from 'node:fs';
import { request as ask } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { create } from '@bufbuild/protobuf';
import { Client, credentials, Metadata, status, type ChannelCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GRPCInferenceService } from '../src/grpc/inference_pb.js';
import { serialize } from '../src/grpc/message.js';
import { Keys } from './setup/keys.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';
import { outcome } from './setup/tools.js';
import { until } from './setup/until.js';

const folder = mkdtempSync(join(tmpdir(), 'nestor-tls-'));
const path = (name: string): string => join(folder, name);
const file = (name: string): Buffer => readFileSync(path(name));
const keys = new Keys();
const key = keys.create('valid', ['predict', 'models:read']);

const openssl = (...args: readonly string[]): void => {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
};

/** An authority that signs what is its. */
function authority(name: string): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
  );
}

function certificate(name: string, by: string): void {
  const subject = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    `/CN=${name}`,
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
  ];
  openssl(
    'req',
    '-x509',
    ...subject,
    '-days',
    '2',
    '-CA',
    `${by}.crt`,
    '-CAkey',
    `${by}.key`,
    '-addext',
    'basicConstraints=critical,CA:FALSE',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
  );
}

const there = (await outcome('openssl', ['version']).catch(() => ({ code: 1 }))).code === 0;
if (!there) console.warn('SKIPPED: there is no openssl to make certificates with');
const withOpenssl = there ? describe : describe.skip;

interface Shown {
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** The status of a request, or the code of what went wrong underneath. */
function get(url: string, route: string, shown: Shown = {}, headers = {}): Promise<number | string> {
  return new Promise((resolve) => {
    ask(url + route, { ca: file('ca.crt'), agent: false, headers, ...shown }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', ({ code }: NodeJS.ErrnoException) => {
        resolve(code ?? 'failed');
      })
      .end();
  });
}

/** The status of a call of ServerMetadata. */
function call(address: string, as: ChannelCredentials): Promise<string> {
  const { serverMetadata } = GRPCInferenceService.method;
  const client = new Client(address.replace(/^[\d.]+/, 'localhost'), as);
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  return new Promise<string>((resolve) => {
    const bytes = serialize(serverMetadata.input)(create(serverMetadata.input));
    const same = (value: Buffer): Buffer => value;
    client.makeUnaryRequest(
      '/inference.GRPCInferenceService/ServerMetadata',
      same,
      same,
      bytes,
      metadata,
      { deadline: Date.now() + 10_000 },
      (error) => {
        resolve(status[error?.code ?? status.OK]);
      },
    );
  }).finally(() => {
    client.close();
  });
}

function servedBy(url: string): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const { hostname: host, port } = new URL(url);
    const socket = connect({ host, port: Number(port), ca: file('ca.crt') }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    }).on('error', reject);
  });
}

withOpenssl('a server with certificates', () => {
  const ssl = (shown?: Shown): ChannelCredentials => credentials.createSsl(file('ca.crt'), shown?.key ?? null, shown?.cert ?? null);
  let server: Server;
  let mutual: Server | undefined;
  beforeAll(async () => {
    for (const name of ['ca', 'clients', 'strangers']) authority(name);
    for (const [name, by] of [['server', 'ca'], ['renewed', 'ca'], ['client', 'clients'], ['stranger', 'strangers']] as const) certificate(name, by); // prettier-ignore
    server = await start({});
  });
  afterAll(async () => {
    await server.stop();
    await mutual?.stop();
    await removeRepositories();
    keys.remove();
    rmSync(folder, { recursive: true });
  });

  const start = async (environment: NodeJS.ProcessEnv): Promise<Server> =>
    Server.start({
      ACCESS_KEYS_FILE: keys.file,
      MODEL_REPOSITORY: await copied({ digits: shipped('digits') }),
      TLS_CERT_FILE: path('server.crt'),
      TLS_KEY_FILE: path('server.key'),
      ...environment,
    });
  const bearer = { Authorization: `Bearer ${key}` };

  it('speaks TLS at both doors, and nothing else', async () => {
    expect(server.url).toMatch(/^https:/);
    expect(await get(server.url, '/health')).toBe(200);
    expect(await get(server.url, '/v1/models')).toBe(401);
    expect(await get(server.url, '/v1/models', {}, bearer)).toBe(200);
    expect(await call(server.grpc, ssl())).toBe('OK');
    expect(await call(server.grpc, credentials.createInsecure())).toBe('UNAVAILABLE');
    await expect(fetch(server.url.replace('https', 'http'))).rejects.toThrow();
  });

  it('gives a handshake the time of a head, and holds few at once that do not end', async () => {
    const limited = await start({ HEADERS_TIMEOUT_SECONDS: '1', MAX_CONNECTIONS: '2', GRPC_API: 'off' });
    const { hostname, port } = new URL(limited.url);
    const gone: number[] = [];
    const silent = Array.from({ length: 5 }, async (_, index) => {
      const socket = connectPlain(Number(port), hostname);
      socket.on('error', () => undefined);
      await once(socket, 'close');
      gone.push(index);
    });
    await Promise.all(silent);
    // The last found no room.
    expect(gone[0]).toBe(4);
    expect(await get(limited.url, '/health')).toBe(200);
    await limited.stop();
  });

  it('shows new certificates without a restart, at both doors', async () => {
    expect((await servedBy(server.url)).subject.CN).toBe('server');
    copyFileSync(path('server.key'), path('old.key'));
    copyFileSync(path('server.crt'), path('old.crt'));
    // One after the other, as a tool may do it: what does not fit together is not taken.
    renameSync(path('renewed.key'), path('server.key'));
    await until('the misfit to be seen', () =>
      /TLS_CERT_FILE, TLS_KEY_FILE: .*those that were read before stay/.test(server.output) ? true : undefined,
    );
    expect((await servedBy(server.url)).subject.CN).toBe('server');
    renameSync(path('renewed.crt'), path('server.crt'));
    await until('the new certificate', async () => ((await servedBy(server.url)).subject.CN === 'renewed' ? true : undefined));
    expect((await servedBy(`https://${server.grpc}`)).subject.CN).toBe('renewed');
    expect(await call(server.grpc, ssl())).toBe('OK');
  });

  it('asks clients for certificates where it knows their authority; probes have none', async () => {
    mutual = await start({ TLS_CLIENT_CA_FILE: path('clients.crt'), OPEN_ROUTES: 'metrics' });
    const client = { cert: file('client.crt'), key: file('client.key') };
    const stranger = { cert: file('stranger.crt'), key: file('stranger.key') };
    expect(await get(mutual.url, '/health')).toBe(200);
    expect(await get(mutual.url, '/v1/models', client, bearer)).toBe(200);
    expect(await get(mutual.url, '/v1/models', client)).toBe(401);
    expect(await get(mutual.url, '/v1/models', {}, bearer)).toBe(401);
    expect(await get(mutual.url, '/metrics')).toBe(401);
    expect(await get(mutual.url, '/metrics', client)).toBe(200);
    expect(await get(mutual.url, '/nothing', {}, bearer)).toBe(401);
    expect(await get(mutual.url, '/v1/models', stranger, bearer)).toBe(401);
    expect(await call(mutual.grpc, ssl(client))).toBe('OK');
    expect(await call(mutual.grpc, ssl())).toBe('UNAVAILABLE');
    expect(await call(mutual.grpc, ssl(stranger))).toBe('UNAVAILABLE');
  });
});
