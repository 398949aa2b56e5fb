// Every server of the suite is searched when it ends for what no log may hold; this is the proof that the search finds it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post } from './setup/client.js';
import { leakIn } from './setup/leaks.js';
import { FIXTURES } from './setup/paths.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';

const PRELOAD = join(FIXTURES, 'preload/print-sent.mjs');
const SECRET = 'TbwYpkXb2S0zPzN8cE7yq4vS9m1dR5uJ6hGkL3fQaWe';
const BODY = { inputs: 'nobody may read this', instances: [Array.from({ length: 64 }, (_, index) => index)] };

describe('the search', () => {
  it.each([
    ['a key', `{"msg":"who is nst_search-prod_${SECRET}?"}`],
    ['the hash of a key', '{"hash":"sha256:c2FsdHNhbHQ:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"}'],
    ['a token', `token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.${SECRET}`],
    ['credentials of a header', `{"headers":{"authorization":"Bearer ${SECRET}"}}`],
    ['a private key', '-----BEGIN RSA PRIVATE KEY-----'],
    ['a password in a URL', 'Redis is away: redis://default:hunter2@cache:6379'],
    ['a field of a body', String.raw`{"msg":"not JSON: {\"inputs\": ["}`],
    ['numbers of a tensor', 'Float32Array(64) [\n  0, 0, 5.5, -1, 1e-9, 15, 2, 0, 0 ]'],
    ['numbers of a tensor', 'rows 0.25,1,2,3,-4.5,5e-7,6,7,8'],
    ['bytes', '<Buffer 0a 06 64 69 67 69 74 73 22>'],
    ['bytes', Buffer.from(SECRET.repeat(3)).toString('base64')],
  ])('finds %s, and says where without showing it', (what, output) => {
    const found = leakIn(`a line\n${output}\nanother`) ?? '';
    expect(found).toMatch(new RegExp(`^${what}, behind: `));
    expect(found).not.toMatch(/hunter2|Tbwy|5\.5|0\.25|0a 06|a line/);
  });

  it('finds a text that was sent', () => {
    expect(leakIn('{"msg":"nobody may read this"}', ['read this'])).toBe(
      'a text of 9 characters that was sent, behind: {"msg":"nobody may ',
    );
  });

  it('passes over what a log may hold', () => {
    const line = {
      requestId: 'd1c7bd42-3c1a-4f0e-9a57-4e32a5a92d0e',
      caller: 'search-prod',
      path: '/v1/models/digits/predict',
      shape: [1, 3, 224, 224],
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      versions: 'there is no version 7777, but 1, 2, 3, 4, 5, 6, 7, 8, 9',
      msg: 'field inputs.pixels: redis://cache:6379 is away',
    };
    expect(leakIn(JSON.stringify(line), ['nobody may read this'])).toBeUndefined();
  });
});

describe('a server that prints', () => {
  let folder: string;
  let repository: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nestor-leaks-'));
    repository = await copied({ digits: shipped('digits') });
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await removeRepositories();
  });

  it.each([
    ['a text of a body', 'nobody .* this', /PRINT_SENT.* has printed a text of 20 characters that was sent, behind: sent: $/],
    ['half a key', SECRET, /a text of 43 characters that was sent/],
    ['a tensor', '\\d+(,\\d+){9}', /numbers of a tensor/],
  ])('%s fails its spec when it ends', async (_, PRINT_SENT, fault) => {
    const env = { MODEL_REPOSITORY: repository, GRPC_API: 'off', PRINT_SENT };
    const server = await Server.start(env, ['--import', PRELOAD]);
    await post(`${server.url}/v1/models/digits/predict`, BODY, { 'X-API-Key': `nst_search_${SECRET}` });
    await expect(server.stop()).rejects.toThrow(fault);
  });
});
