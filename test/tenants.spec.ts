// Tenants at both doors: what they may have, what they are told of it, and what is counted of them.
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GRPCInferenceService } from '../src/grpc/inference_pb.js';
import { post, send, type Answer, type Problem } from './setup/client.js';
import { begun } from './setup/connection.js';
import { MINILM } from './setup/fixtures.js';
import { GrpcClient, type Outcome } from './setup/grpc.js';
import { metric, samples } from './setup/metrics.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

const SETTINGS = `
default: { limits: { requests: 1000/day } }
tenants:
  few requests: { limits: { requests: 3/day } }
  few items: { limits: { requests: unlimited, items: [6/day, 500/hour] } }
  few tokens: { limits: { requests: unlimited, tokens: 40/day } }
  embeds: { limits: { requests: 1/day } }
  infers: { limits: { requests: 1/day } }
  calls: { limits: { requests: 2/day } }
  floods: { limits: { requests: 1/day } }
  free: { limits: { requests: unlimited } }
  grows: { limits: { requests: 1/day } }
  shares: {}
`;
const pixels = (first: number): number[] => Array.from({ length: 64 }, (_, index) => (index === 0 ? first : index % 16));
const tensor = { name: 'pixels', datatype: 'FP32', shape: [1, 64], data: pixels(1) };

let repository: string;
let file: string;
let server: Server;
let client: GrpcClient;
beforeAll(async () => {
  repository = await copied({ digits: shipped('digits'), [MINILM]: shipped(MINILM) });
  file = join(repository, '.tenants.yaml');
  await writeFile(file, SETTINGS);
  server = await Server.start({ MODEL_REPOSITORY: repository, TENANT_HEADER: 'X-Tenant', TENANTS_FILE: file, TEI_API: 'on' });
  client = new GrpcClient(server.grpc);
});
afterAll(async () => {
  client.close();
  await server.stop();
  await removeRepositories();
});

const of = (tenant: string): Record<string, string> => ({ 'X-Tenant': tenant });
const predict = (tenant: string, ...firsts: number[]): Promise<Answer> =>
  post(`${server.url}/v1/models/digits/predict`, { instances: firsts.map(pixels) }, of(tenant));
const embed = (tenant: string, input: string | string[]): Promise<Answer> =>
  post(`${server.url}/v1/embeddings`, { model: MINILM, input }, of(tenant));
const call = (tenant: string): Promise<Outcome<unknown>> => {
  const request = {
    modelName: 'digits',
    inputs: [{ name: 'pixels', datatype: 'FP32', shape: [1n, 64n] }],
    rawInputContents: [new Uint8Array(Float32Array.from(pixels(7)).buffer)],
  };
  return client.unary(GRPCInferenceService.method.modelInfer, request, { metadata: { 'x-tenant': tenant } });
};
const told = ({ headers }: Answer): unknown[] => [headers.get('ratelimit-policy'), headers.get('ratelimit')?.replaceAll(/t=\d+/g, 't=*')];
const untilMidnight = (): number => 86_400 - ((Date.now() / 1000) % 86_400);
const usage = (name: string, tenant: string, model = 'digits'): Promise<number> =>
  metric(server, `nestor_tenant_${name}_total`, { tenant, model });

describe('a quota of requests', () => {
  it('is told with every answer, and used up it refuses with the time at which the next begins', async () => {
    const answers = [await predict('few requests', 1), await predict('few requests', 1), await predict('few requests', 2)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers.map(told)).toEqual([2, 1, 0].map((left) => ['"requests-per-day";q=3;w=86400', `"requests-per-day";r=${left};t=*`]));
    const refused = await predict('few requests', 3);
    expect(refused).toMatchObject({ status: 429, body: { code: 'QUOTA_EXCEEDED', detail: expect.stringContaining('3 requests a day') } });
    expect(told(refused)).toEqual(['"requests-per-day";q=3;w=86400', '"requests-per-day";r=0;t=*']);
    const retryAfter = Number(refused.headers.get('retry-after'));
    expect(Math.abs(retryAfter - untilMidnight())).toBeLessThan(60);
    expect(refused.headers.get('ratelimit')).toBe(`"requests-per-day";r=0;t=${retryAfter}`);
  });

  it('is read in the words of each API', async () => {
    expect((await embed('embeds', 'one')).status).toBe(200);
    expect(await embed('embeds', 'two')).toMatchObject({
      status: 429,
      body: { error: { type: 'rate_limit_exceeded', code: 'quota_exceeded' } },
    });
    const infer = (): Promise<Answer> => post(`${server.url}/v2/models/digits/infer`, { inputs: [tensor] }, of('infers'));
    expect((await infer()).status).toBe(200);
    expect(await infer()).toMatchObject({ status: 429, body: { code: 'QUOTA_EXCEEDED', error: expect.stringContaining('quota') } });
    expect(await post(`${server.url}/embed`, { inputs: 'a' }, of('embeds'))).toMatchObject({
      status: 429,
      body: { error_type: 'Overloaded', error: expect.stringContaining('quota') },
    });
  });

  it('holds over gRPC too, and both doors count together', async () => {
    expect((await predict('calls', 1)).status).toBe(200);
    const answered = await call('calls');
    expect(answered).toMatchObject({ status: 'OK', metadata: { 'ratelimit-policy': '"requests-per-day";q=2;w=86400' } });
    expect(answered.metadata.ratelimit).toMatch(/^"requests-per-day";r=0;t=\d+$/);
    const refused = await call('calls');
    expect(refused).toMatchObject({ status: 'RESOURCE_EXHAUSTED', metadata: { 'nestor-code': 'QUOTA_EXCEEDED' } });
    expect(refused.metadata.ratelimit).toMatch(/r=0/);
    expect(Number(refused.metadata['grpc-retry-pushback-ms'])).toBeGreaterThan(0);
    expect((await predict('calls', 1)).status).toBe(429);
  });

  it('refuses before the body is read', async () => {
    expect((await predict('floods', 1)).status).toBe(200);
    const socket = await begun(`${server.url}/v1/models/digits/predict`, 1_000_000, '', of('floods'));
    const [said] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(said.toString()).toMatch(/^HTTP\/1\.1 429/);
  });

  it('is of the default for whoever is not named, each by itself, and of nothing that runs no model', async () => {
    expect(told(await predict('somebody', 1))[1]).toBe('"requests-per-day";r=999;t=*');
    expect(told(await predict('somebody else', 1))[1]).toBe('"requests-per-day";r=999;t=*');
    expect(told(await predict('free', 1))).toEqual([null, undefined]);
    for (let i = 0; i < 3; i++)
      expect(told(await send(`${server.url}/v1/models`, { headers: of('few requests') }))).toEqual([null, undefined]);
  });
});

describe('quotas of items and tokens', () => {
  it('count what is computed: what is remembered costs nothing, and one request too many is refused whole', async () => {
    expect((await predict('few items', 1, 2, 3, 4)).status).toBe(200);
    const again = await predict('few items', 1, 2, 3, 4);
    expect([again.status, again.headers.get('x-cache')]).toEqual([200, 'hit; tier=memory']);
    const refused = await predict('few items', 5, 6, 7);
    expect([refused.status, (refused.body as Problem).code]).toEqual([429, 'QUOTA_EXCEEDED']);
    expect(told(refused)).toEqual([
      '"items-per-day";q=6;w=86400;qu="items", "items-per-hour";q=500;w=3600;qu="items"',
      '"items-per-day";r=2;t=*, "items-per-hour";r=496;t=*',
    ]);
    expect((await predict('few items', 5, 6)).status).toBe(200);
  });

  it('count the tokens of texts, special tokens included', async () => {
    const { body, status } = await embed('few tokens', ['one two three four five', 'six seven eight']);
    const { usage: used } = body as { usage: { total_tokens: number } };
    expect([status, used.total_tokens]).toEqual([200, 12]);
    const refused = await embed(
      'few tokens',
      Array.from({ length: 8 }, (_, index) => `word ${index}`),
    );
    expect([refused.status, told(refused)[1]]).toEqual([429, '"tokens-per-day";r=28;t=*']);
    expect((await embed('few tokens', ['eight seven six'])).status).toBe(200);
  });

  it('say of what no window could ever hold that it is to be sent in parts', async () => {
    const refused = await predict('few items', 1, 2, 3, 4, 5, 6, 7);
    expect(refused).toMatchObject({ status: 413, body: { code: 'PAYLOAD_TOO_LARGE', detail: expect.stringContaining('in parts') } });
  });
});

describe('what is counted of a tenant', () => {
  it('are requests, items and tokens by model, and what was refused by reason', async () => {
    await predict('shares', 101, 102);
    await predict('shares', 101, 102);
    await embed('shares', 'one two three');
    await predict('shares');
    expect([await usage('requests', 'shares'), await usage('items', 'shares'), await usage('tokens', 'shares')]).toEqual([2, 2, 2]);
    expect([await usage('items', 'shares', MINILM), await usage('tokens', 'shares', MINILM)]).toEqual([1, 5]);
    expect(await metric(server, 'nestor_tenant_rejected_total', { tenant: 'shares', reason: 'INVALID_REQUEST' })).toBe(1);
    expect(await metric(server, 'nestor_tenant_rejected_total', { tenant: 'calls', reason: 'QUOTA_EXCEEDED' })).toBe(2);
  });

  it('has no name that a request made up', async () => {
    await predict('made up by a client', 1);
    await call('made up by another');
    const labels = new Set((await samples(server)).flatMap(({ labels: { tenant } }) => tenant ?? []));
    expect(labels).toContain('other');
    expect([...labels].filter((label) => label !== 'other' && !SETTINGS.includes(`  ${label}: `))).toEqual([]);
    expect(server.output).not.toContain('made up by');
  });
});

describe('TENANTS_FILE', () => {
  /** In one step, as a ConfigMap changes. */
  const write = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };

  it('is read again when it changes: what was used stays used; and a wrong one changes nothing', async () => {
    expect([(await predict('grows', 1)).status, (await predict('grows', 1)).status]).toEqual([200, 429]);
    await write('tenants: { grows: { limits: { requests: lots } } }');
    await until('the fault in the log', () => server.output.includes('tenants.grows.limits.requests') || undefined);
    expect((await predict('grows', 1)).status).toBe(429);
    await write(SETTINGS.replace('grows: { limits: { requests: 1/day', 'grows: { limits: { requests: 3/day'));
    await until('the new quota', async () => (await predict('grows', 1)).status === 200 || undefined);
    expect([(await predict('grows', 1)).status, (await predict('grows', 1)).status]).toEqual([200, 429]);
  });

  it('stops the boot where it is wrong, or is not there', async () => {
    await writeFile(`${file}.wrong`, 'tenants: { a: { weight: heavy } }');
    for (const [path, fault] of [[`${file}.wrong`, 'tenants.a.weight'], [`${file}.none`, 'ENOENT']] as const) {
      const { code, output } = await Server.launch({ MODEL_REPOSITORY: repository, TENANTS_FILE: path, GRPC_API: 'off' }).ended();
      expect([code, output]).toEqual([1, expect.stringContaining(fault)]);
    } // prettier-ignore
  });
});

it('shares what is remembered where it is told to', async () => {
  const shared = await Server.start({ MODEL_REPOSITORY: repository, TENANT_HEADER: 'X-Tenant', CACHE_SCOPE: 'shared', GRPC_API: 'off' });
  try {
    const ask = (tenant: string, path: string): Promise<Answer> =>
      post(`${shared.url}/v1/models/digits/${path}`, { instances: [pixels(1)] }, of(tenant));
    expect((await ask('one', 'predict')).headers.get('x-cache')).toBe('miss');
    expect((await ask('two', 'predict')).headers.get('x-cache')).toBe('hit; tier=memory');
    expect((await ask('two', 'versions/1/predict')).headers.get('x-cache')).toBe('hit; tier=memory');
  } finally {
    await shared.stop();
  }
});
