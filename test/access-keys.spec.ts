// Keys come and go while the server runs, and no change of their file shuts out who is inside.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { send } from './setup/client.js';
import { ROOT } from './setup/paths.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

/** As Kubernetes mounts a Secret: what it holds lies in a folder that a symlink leads to. */
const mount = mkdtempSync(join(tmpdir(), 'nestor-secret-'));
const FILE = join(mount, 'keys.yaml');
const AUDIT = join(mount, 'audit.jsonl');
let generation = 0;

/** `npm run keys`, without its build. */
function command(file: string, ...args: readonly string[]): string {
  return execFileSync(process.execPath, [join(ROOT, 'dist/keys.js'), ...args], { env: { ACCESS_KEYS_FILE: file }, encoding: 'utf8' });
}

const create = (file: string, id: string): string =>
  command(file, 'create', '--id', id, '--tenant', 't', '--scope', 'models:read').split('\n')[0] ?? '';

/** A new folder with what the old one holds, changed; the symlink goes there in one step. */
function exchange(change: (file: string) => void): void {
  const next = `..${++generation}`;
  mkdirSync(join(mount, next));
  if (generation > 1) writeFileSync(join(mount, next, 'keys.yaml'), readFileSync(FILE));
  change(join(mount, next, 'keys.yaml'));
  symlinkSync(next, join(mount, '..data_tmp'));
  renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
}

let first = '';
let server: Server;
beforeAll(async () => {
  exchange((file) => (first = create(file, 'first')));
  symlinkSync('..data/keys.yaml', FILE);
  server = await Server.start({ ACCESS_KEYS_FILE: FILE, AUDIT_LOG: AUDIT, MODEL_REPOSITORY: await copied({ digits: shipped('digits') }) });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
  rmSync(mount, { recursive: true });
});

const ask = async (key: string): Promise<number> => (await send(`${server.url}/v1/models`, { headers: { 'X-API-Key': key } })).status;
const becomes = (status: number, key: string): Promise<true> =>
  until(`${status}`, async () => ((await ask(key)) === status ? true : undefined));

describe('a running server', () => {
  it('lets a new key in, and keeps those that were there', async () => {
    expect(await ask(first)).toBe(200);
    let second = '';
    exchange((file) => (second = create(file, 'second')));
    await becomes(200, second);
    expect(await ask(first)).toBe(200);
  });

  it('refuses a key that was revoked, although it has just let it in', async () => {
    let third = '';
    exchange((file) => (third = create(file, 'third')));
    await becomes(200, third);
    exchange((file) => command(file, 'revoke', '--id', 'third'));
    await becomes(401, third);
    expect(await ask(first)).toBe(200);
  });

  it.each([
    ['is cut short', 'keys: [{ id: a'],
    ['has an entry that is wrong', 'keys: [{ id: first, tenant: t, scopes: [everything], hash: hunter2 }]'],
  ])('keeps its keys where the file %s, says why, and what is good again is read again', async (_, text) => {
    const failures = (): number => readFileSync(AUDIT, 'utf8').split('"failure"').length - 1;
    const before = failures();
    const good = readFileSync(FILE);
    exchange((file) => {
      writeFileSync(file, text);
    });
    await until('the failure', () => (failures() > before ? true : undefined));
    expect(await ask(first)).toBe(200);
    expect(server.output).toMatch(/ACCESS_KEYS_FILE=.*the keys that were read before stay good/);
    expect(server.output).not.toContain('hunter2');
    let again = '';
    exchange((file) => {
      writeFileSync(file, good);
      again = create(file, `again-${generation}`);
    });
    await becomes(200, again);
  });

  it('keeps its keys where the file is gone', async () => {
    const good = readFileSync(FILE);
    exchange((file) => {
      rmSync(file);
    });
    const failures = (): number => readFileSync(AUDIT, 'utf8').split('"failure"').length - 1;
    await until('the failure', () => (failures() > 2 ? true : undefined));
    expect(await ask(first)).toBe(200);
    writeFileSync(join(mount, '..data/keys.yaml'), good);
  });
});

describe('the boot', () => {
  it.each<[string, NodeJS.ProcessEnv, RegExp]>([
    [
      'an address that others reach, and nothing that says who may come in',
      { HOST: '0.0.0.0' },
      /HOST=0\.0\.0\.0 .*ACCESS_KEYS_FILE.*ACCESS=open/,
    ],
    ['keys, and access for all', { ACCESS: 'open', ACCESS_KEYS_FILE: FILE }, /ACCESS=open.*ACCESS_KEYS_FILE/],
    ['a file of keys that is not there', { ACCESS_KEYS_FILE: '/nowhere/keys.yaml' }, /ACCESS_KEYS_FILE=\/nowhere/],
    ['half of what tokens need', { JWT_ISSUER: 'https://issuer' }, /no JWT_AUDIENCE, no JWT_JWKS_URL/],
    ['a certificate without its key', { TLS_CERT_FILE: '/nowhere/tls.crt' }, /TLS_CERT_FILE and TLS_KEY_FILE/],
    ['a certificate that is not there', { TLS_CERT_FILE: '/nowhere/tls.crt', TLS_KEY_FILE: '/nowhere/tls.key' }, /TLS_CERT_FILE=\/nowhere/],
    ['an audit log where nothing can be written', { AUDIT_LOG: '/proc/nowhere/audit.jsonl' }, /AUDIT_LOG=/],
    ['routes to open that there are not', { OPEN_ROUTES: 'metrics,models' }, /OPEN_ROUTES/],
  ])('refuses %s', async (_, environment, message) => {
    const { code, output } = await Server.launch(environment).ended();
    expect([code, output]).toEqual([1, expect.stringMatching(message)]);
  });

  it('is open on loopback where nothing is configured, and says so once', async () => {
    const open = await Server.start({ MODEL_REPOSITORY: await copied({ digits: shipped('digits') }) });
    expect((await send(`${open.url}/v1/models`)).status).toBe(200);
    expect((await send(`${open.url}/metrics`)).status).toBe(200);
    await open.stop();
    expect(open.output.split('Access is open to whoever reaches this machine').length - 1).toBe(1);
  });

  it('puts what a stranger is refused on the account of no tenant, whichever the stranger names', async () => {
    const environment = {
      ACCESS_KEYS_FILE: FILE,
      OPEN_ROUTES: 'metrics',
      TENANT_HEADER: 'X-Tenant',
      MODEL_REPOSITORY: await copied({ digits: shipped('digits') }),
    };
    const strict = await Server.start(environment);
    const refused = await send(`${strict.url}/v1/models`, { headers: { 'X-Tenant': 't' } });
    const metrics = await (await fetch(`${strict.url}/metrics`)).text();
    await strict.stop();
    expect(refused.status).toBe(401);
    expect(metrics).toContain('nestor_rejected_total{reason="UNAUTHENTICATED"} 1');
    expect(metrics).not.toMatch(/^nestor_tenant_rejected_total\{/m);
  });

  it('opens metrics and pages to all where OPEN_ROUTES says so, and nothing else', async () => {
    const environment = {
      ACCESS_KEYS_FILE: FILE,
      OPEN_ROUTES: 'metrics,docs',
      MODEL_REPOSITORY: await copied({ digits: shipped('digits') }),
    };
    const partly = await Server.start(environment);
    const statuses = await Promise.all(['/metrics', '/docs', '/openapi.json', '/v1/models'].map((path) => send(partly.url + path)));
    await partly.stop();
    expect(statuses.map(({ status }) => status)).toEqual([200, 200, 200, 401]);
  });
});
