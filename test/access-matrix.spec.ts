// Every route and every method of gRPC, tried with every kind of key: each gets what it may have, and a stranger learns nothing.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GRPCInferenceService } from '../src/grpc/inference_pb.js';
import { attempt, call, errorIn, methods, type Attempt, type Called } from './setup/access-attempts.js';
import { keys, other, REFUSED, SCOPES, sibling, single, valid } from './setup/access-keys.js';
import { GRPC, HTTP, modelOf, PAYLOAD } from './setup/access-rows.js';
import { send, type Answer } from './setup/client.js';
import { declaredRoutes } from './setup/compiled-application.js';
import { MINILM } from './setup/fixtures.js';
import { GrpcClient } from './setup/grpc.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

const NAMES = ['digits', 'spare', MINILM];

const repository = await copied({ digits: shipped('digits'), spare: shipped('digits'), [MINILM]: shipped(MINILM) });
/** With every route that there is. */
const ENVIRONMENT = { ADMIN_API: 'on', MODEL_REPOSITORY: repository, TEI_API: 'on' };
let server: Server;
beforeAll(async () => {
  const access = { ACCESS_KEYS_FILE: keys.file, AUDIT_LOG: join(keys.folder, 'audit.jsonl') };
  server = await Server.start({ ...ENVIRONMENT, ...access, LOG_LEVEL: 'trace' });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
  keys.remove();
});

describe('over HTTP', () => {
  it('there is a row for every route, and a route for every row', async () => {
    const routes = await declaredRoutes(ENVIRONMENT);
    const rows = Object.keys(HTTP);
    const missing = routes.filter((route) => !rows.includes(route.replace(/^HEAD/, 'GET')));
    expect(missing).toEqual([]);
    expect(rows.filter((row) => !routes.includes(row))).toEqual([]);
  });

  describe.each(Object.entries(HTTP))('%s', (route, row) => {
    const { rule, statuses = [200] } = row;
    const admitted = async (key: string | undefined, as?: Attempt['as']): Promise<Answer> => {
      const answer = await attempt(server, route, row, { key, ...(as && { as }) });
      expect([statuses.includes(answer.status), answer.status, answer.status === 200 || answer.text]).toEqual([
        true,
        answer.status,
        expect.anything(),
      ]);
      return answer;
    };

    if (!rule) {
      it('is for everybody, whatever they send', async () => {
        for (const key of [...Object.values(REFUSED), valid, other]) await admitted(key);
      });
      return;
    }

    it.each(Object.keys(REFUSED))('is not for %s', async (kind) => {
      const answer = await attempt(server, route, row, { key: REFUSED[kind] });
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="nestor"']);
      expect(answer.text).toMatch(rule.about === 'fixed' ? /"error_type":"Validation"/ : /unauthenticated|invalid_api_key/i);
      const because = { 'an expired key': /has expired/, 'a revoked key': /was revoked/ }[kind] ?? /needs a key or a token|is not valid/;
      expect(answer.text).toMatch(because);
    });

    it('is for who has the scope, and for nobody who has another', async () => {
      for (const scope of SCOPES) {
        if (rule.scope === undefined || rule.scope === scope) {
          await admitted(single[scope]);
          continue;
        }
        const answer = await attempt(server, route, row, { key: single[scope] });
        expect([scope, answer.status, answer.text]).toEqual([scope, 403, expect.stringMatching(/forbidden|"error_type":"Validation"/i)]);
      }
    });

    it('is for who may do everything, in either header', async () => {
      await admitted(valid, 'Authorization');
      await admitted(valid, 'X-API-Key');
    });

    it('shows nothing of models to those who have other models', async () => {
      const answer = await attempt(server, route, row, { key: other });
      if (rule.scope === undefined) expect(statuses).toContain(answer.status);
      else if (rule.about === 'all') expect([answer.status, answer.text]).toEqual([403, expect.stringMatching(/forbidden/i)]);
      else if (rule.about === 'own') {
        expect(answer.status).toBe(200);
        expect(NAMES.filter((name) => answer.text.includes(name))).toEqual([]);
      } else if (rule.about === 'fixed') {
        expect([answer.status, answer.text]).toEqual([404, expect.stringContaining('There is no model')]);
      } else {
        // To the letter what it would be told of a model that nobody has.
        const model = modelOf(route);
        const nobodys = await attempt(server, route, row, { key: other, model: 'nobodys-model' });
        expect(errorIn(answer, model)).toBe(errorIn(nobodys, 'nobodys-model'));
        expect([answer.status, answer.text]).toEqual([404, expect.stringMatching(/model_not_found/i)]);
      }
    });
  });

  it('says of a model that somebody may not use what it says to those who may use all of one that there is not', async () => {
    for (const route of [
      'GET /v1/models/:model',
      'POST /v1/models/:model/predict',
      'GET /v2/models/:model',
      'POST /v2/models/:model/infer',
      'POST /v1/embeddings',
    ]) {
      const row = HTTP[route] ?? {};
      const [hidden, absent] = [
        await attempt(server, route, row, { key: other }),
        await attempt(server, route, row, { key: valid, model: 'absent' }),
      ];
      expect(errorIn(hidden, modelOf(route))).toBe(errorIn(absent, 'absent'));
    }
  });

  it('asks who it is before it says that there is no such route, and before it reads what is sent', async () => {
    expect((await send(`${server.url}/nothing`, { method: 'POST', body: 'x' })).status).toBe(401);
    expect((await send(`${server.url}/nothing`, { headers: { 'X-API-Key': valid } })).status).toBe(404);
    expect((await send(`${server.url}/v1/models`, { method: 'DELETE' })).status).toBe(405);
    // Ten times the limit is promised, and nothing of it sent: whoever waited for it would not answer.
    const headers = { 'Content-Type': 'application/json', 'Content-Length': String(320 * 1024 * 1024) };
    const stalled = request(`${server.url}/v1/models/digits/predict`, { method: 'POST', headers });
    stalled.flushHeaders();
    const [answer] = (await once(stalled, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(401);
    stalled.destroy();
  });

  it('never answers from the cache what somebody may not have', async () => {
    const row = HTTP['POST /v1/embeddings'] ?? {};
    const first = await attempt(server, 'POST /v1/embeddings', row, { key: valid });
    const again = await attempt(server, 'POST /v1/embeddings', row, { key: valid });
    expect(again.headers.get('x-cache')).toBe('hit; tier=memory');
    // Of the same tenant: the cache alone would give it away.
    const etag = first.headers.get('etag') ?? '';
    expect(etag).not.toBe('');
    for (const headers of [undefined, etag, '*'].map((tag): Record<string, string> => (tag ? { 'If-None-Match': tag } : {}))) {
      const answer = await attempt(server, 'POST /v1/embeddings', { ...row, headers }, { key: sibling });
      expect([answer.status, answer.text]).toEqual([404, expect.stringMatching(/model_not_found/)]);
      expect((await attempt(server, 'POST /v1/embeddings', { ...row, headers }, {})).status).toBe(401);
    }
  });
});

describe('over gRPC', () => {
  it('there is a row for every method, and a method for every row', () => {
    expect(Object.keys(GRPC).sort()).toEqual([...methods.keys()].sort());
  });

  describe.each(Object.entries(GRPC))('%s', (path, { rule, message, statuses }) => {
    const admitted = async (key: string | undefined, as?: string): Promise<Called> => {
      const outcome = await call(server, path, message, key, as);
      expect([statuses.includes(outcome.status), outcome.status, outcome.details]).toEqual([true, outcome.status, outcome.details]);
      return outcome;
    };
    if (!rule) {
      it('is for everybody, whatever they send', async () => {
        for (const key of [...Object.values(REFUSED), valid, other]) await admitted(key);
      });
      return;
    }

    it('is not for strangers', async () => {
      for (const [kind, key] of Object.entries(REFUSED))
        expect([kind, (await call(server, path, message, key)).status]).toEqual([kind, 'UNAUTHENTICATED']);
    });

    it('is for who has the scope, and for nobody who has another', async () => {
      for (const scope of SCOPES) {
        if (rule.scope === scope) await admitted(single[scope]);
        else expect([scope, (await call(server, path, message, single[scope])).status]).toEqual([scope, 'PERMISSION_DENIED']);
      }
    });

    it('is for who may do everything, in either header', async () => {
      await admitted(valid);
      await admitted(valid, 'x-api-key');
    });

    it('shows nothing of models to those who have other models', async () => {
      const outcome = await call(server, path, message, other);
      if (rule.about === 'own') {
        expect(outcome.status).toBe('OK');
        expect(NAMES.filter((name) => outcome.message.includes(name))).toEqual([]);
      } else {
        const nobodys = await call(
          server,
          path,
          { ...message, ...('name' in message ? { name: 'nobodys' } : { modelName: 'nobodys' }) },
          other,
        );
        expect(outcome.status).toBe('NOT_FOUND');
        expect(outcome.details.replace(/"[\w-]+"/, '')).toBe(nobodys.details.replace(/"[\w-]+"/, ''));
      }
    });
  });

  it('does not show that a model is ready, nor its statistics, to those who may not use it', async () => {
    const { modelReady, modelStatistics } = GRPCInferenceService.method;
    const client = new GrpcClient(server.grpc);
    const as = (key: string) => ({ metadata: { authorization: `Bearer ${key}` } });
    expect((await client.unary(modelReady, { name: 'digits' }, as(valid))).message?.ready).toBe(true);
    expect((await client.unary(modelReady, { name: 'digits' }, as(other))).message?.ready).toBe(false);
    expect((await client.unary(modelStatistics, { name: 'digits' }, as(other))).status).toBe('NOT_FOUND');
    expect((await client.unary(modelStatistics, {}, as(other))).message?.modelStats).toEqual([]);
    client.close();
  });

  it.each([
    ['describes itself to none', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'],
    ['does not say which methods there are', '/inference.GRPCInferenceService/ModelStreamInfer'],
  ])('reads no message of a stranger, and %s', async (_, path) => {
    const client = new Client(server.grpc, credentials.createInsecure());
    const same = (value: Buffer): Buffer => value;
    // No message is ever sent: whoever waited for one would not answer.
    const refused = await new Promise<number>((resolve) => {
      client.makeBidiStreamRequest(path, same, same).on('error', ({ code }: ServiceError) => {
        resolve(code);
      });
    });
    client.close();
    expect(refused).toBe(status.UNAUTHENTICATED);
  });
});

describe('what is written down', () => {
  interface Line {
    readonly event: string;
    readonly reason?: string;
    readonly caller?: string;
    readonly route?: string;
    readonly model?: string;
    readonly outcome?: number | string;
    readonly door?: string;
    readonly address?: string;
  }
  let audit = '';
  const lines = (): Line[] => audit.trim().split('\n').map((line) => JSON.parse(line) as Line); // prettier-ignore
  beforeAll(async () => {
    await until('the last lines', () => {
      audit = readFileSync(join(keys.folder, 'audit.jsonl'), 'utf8');
      return audit.includes('ServerReflectionInfo') && audit.endsWith('\n') ? true : undefined;
    });
  });

  it('has who was refused and why, who used a key, and what was administered', () => {
    const denied = lines().filter(({ event }) => event === 'denied');
    expect(new Set(denied.map(({ reason }) => reason))).toEqual(
      new Set(['missing', 'wrong secret', 'unknown key', 'no key and no token', 'expired', 'revoked', 'scope', 'model']),
    );
    expect(denied).toContainEqual(expect.objectContaining({ reason: 'revoked', caller: 'revoked', door: 'http', route: 'GET /v1/models' }));
    expect(denied).toContainEqual(
      expect.objectContaining({ reason: 'model', caller: 'other', door: 'grpc', route: '/inference.GRPCInferenceService/ModelInfer' }),
    );
    // Whoever comes again over another connection of gRPC is the same stranger.
    expect(new Set(denied.map(({ door, address }) => `${door} ${address}`))).toEqual(new Set(['http 127.0.0.1', 'grpc 127.0.0.1']));
    const used = lines().filter(({ event }) => event === 'used');
    expect(new Set(used.map(({ caller }) => caller))).toEqual(
      new Set(['valid', 'other', 'sibling', ...SCOPES.map((scope) => `only-${scope.replace(':', '-')}`)]),
    );
    const done = lines().filter(({ event }) => event === 'admin');
    expect(done).toContainEqual(
      expect.objectContaining({ caller: 'only-admin', model: 'spare', outcome: 200, route: 'POST /v2/repository/models/:model/unload' }),
    );
    expect(done).toContainEqual(
      expect.objectContaining({
        caller: 'valid',
        outcome: 'OK',
        model: 'digits',
        route: '/inference.GRPCInferenceService/RepositoryModelLoad',
      }),
    );
    expect(done.filter(({ caller }) => !['valid', 'only-admin'].includes(caller ?? ''))).toEqual([]);
  });

  it('is a line for a key a minute, however often it is used', () => {
    const used = lines().filter(({ event, caller }) => event === 'used' && caller === 'valid');
    // The suite takes less than four minutes.
    expect(used.length).toBeLessThan(5);
  });

  it('has no key, no hash and nothing that was sent: neither here nor in the log', () => {
    const hashes = [...readFileSync(keys.file, 'utf8').matchAll(/sha256:[\w-]+:([\w-]+)/g)].map(([, hash = '']) => hash);
    expect(server.output).toContain('/v1/embeddings');
    for (const text of [audit, server.output]) {
      expect(keys.secrets.filter((secret) => text.includes(secret))).toEqual([]);
      expect(hashes.filter((hash) => text.includes(hash))).toEqual([]);
      expect(text).not.toContain(PAYLOAD);
      expect(text).not.toContain('hunter2');
    }
  });
});
