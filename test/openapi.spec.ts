// The OpenAPI document is 3.1, and every example in it works when it is sent.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, send } from './setup/client.js';
import { ROOT } from './setup/paths.js';
import { removeRepositories, written } from './setup/repository.js';
import { Server } from './setup/server.js';

interface Example {
  readonly summary?: string;
  readonly value: unknown;
}
interface Body {
  readonly content?: Record<string, { readonly examples?: Record<string, Example> }>;
  readonly headers?: Record<string, unknown>;
}
interface Operation {
  readonly parameters?: readonly {
    readonly $ref?: string;
    readonly name?: string;
    readonly example?: string;
    readonly schema?: { readonly example?: string };
  }[];
  readonly requestBody?: Body;
  readonly responses: Record<string, Body>;
}
interface Document {
  readonly openapi: string;
  readonly info: object;
  readonly paths: Record<string, Record<string, Operation>>;
}

let server: Server;
let document: Document;
beforeAll(async () => {
  const tenants = join(
    await written({ 'tenants.yaml': 'default: { limits: { requests: 1000000/day, tokens: 1000000/second } }' }),
    'tenants.yaml',
  );
  server = await Server.start({ TEI_API: 'on', ADMIN_API: 'on', TENANTS_FILE: tenants });
  document = (await send(`${server.url}/openapi.json`)).body as Document;
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

const operations = (): { path: string; method: string; operation: Operation }[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

/** Backwards, so that what is unloaded is loaded next. */
const postsOf = (): ReturnType<typeof operations> =>
  operations()
    .filter(({ method }) => method === 'post')
    .sort((a, b) => (a.path < b.path ? 1 : -1));

/** The URL with its parameters at their examples; a summary `model: ...` says which model an example is for. */
function urlOf(path: string, { parameters = [] }: Operation, summary = ''): string {
  const [, model] = /^([\w-]+):/.exec(summary) ?? [];
  const values: Record<string, string | undefined> = {};
  for (const { name, example, schema } of parameters) if (name !== undefined) values[name] = example ?? schema?.example;
  const filled = path.replaceAll(
    /\{(\w+)\}/g,
    (_, name: string) => (name === 'model' ? model : undefined) ?? values[name] ?? `no example for ${name}`,
  );
  return server.url + filled;
}

it('is OpenAPI 3.1 and knows every route', () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(document.info).toMatchObject({ title: 'Nestor', version });
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining([
      '/v1/models/{model}/predict',
      '/v1/models/{model}/versions/{version}/predict',
      '/v1/embeddings',
      '/v1/models',
      '/v1/models/{model}',
      '/health',
      '/health/live',
      '/health/ready',
      '/health/startup',
      '/embed',
      '/embed_all',
      '/similarity',
      '/tokenize',
      '/decode',
      '/info',
    ]),
  );
});

describe('examples', () => {
  it('of every route that takes a body are there, and all of them are answered with 200', async () => {
    const posts = postsOf();
    expect(posts.length).toBeGreaterThanOrEqual(3);
    for (const { path, operation } of posts) {
      const examples = Object.entries(operation.requestBody?.content?.['application/json']?.examples ?? {});
      expect([path, examples.length > 0]).toEqual([path, true]);
      for (const [name, { summary, value }] of examples) {
        const { status, text } = await post(urlOf(path, operation, summary), value);
        expect([path, name, status, text.slice(0, 200)]).toEqual([path, name, 200, expect.any(String)]);
      }
    }
  });

  it('of the parameters of every GET route lead to an answer', async () => {
    for (const { path, operation } of operations().filter(({ method }) => method === 'get')) {
      const { status } = await send(urlOf(path, operation));
      expect([path, status]).toEqual([path, 200]);
    }
  });
});

describe('what is sent is described', () => {
  /** Those of HTTP itself, which no document has. */
  const PLAIN = /^(date|connection|keep-alive|transfer-encoding|vary|x-content-type-options|content-(type|length|encoding))$/;

  it('every header of the answers to the examples, and of refusals', async () => {
    for (const { path, operation } of operations().filter(({ method }) => method === 'post')) {
      const [example] = Object.values(operation.requestBody?.content?.['application/json']?.examples ?? {});
      for (const body of [example?.value, 'no JSON']) {
        const { status, headers } = await post(urlOf(path, operation, example?.summary), body);
        const described = Object.keys(operation.responses[status]?.headers ?? {}).map((name) => name.toLowerCase());
        const silent = [...headers.keys()].filter((name) => !PLAIN.test(name) && !described.includes(name));
        expect([path, status, silent]).toEqual([path, status, []]);
      }
    }
  });

  it('what a client may say of the cache, and 304, where an answer has an ETag and nowhere else', async () => {
    const cached: string[] = [];
    for (const { path, operation } of postsOf()) {
      const [example] = Object.values(operation.requestBody?.content?.['application/json']?.examples ?? {});
      const ask = (headers: Record<string, string>) => post(urlOf(path, operation, example?.summary), example?.value, headers);
      const etag = (await ask({})).headers.get('etag');
      const names = (operation.parameters ?? []).map(({ $ref = '' }) => $ref.split('/').at(-1) ?? '');
      const described = ['If-None-Match', 'Cache-Control'].map((name) => names.includes(name));
      expect([path, ...described, '304' in operation.responses]).toEqual([path, ...Array.from({ length: 3 }, () => etag !== null)]);
      if (etag === null) continue;
      cached.push(path);
      const again = await ask({ 'if-none-match': etag });
      expect([path, again.status, again.text]).toEqual([path, 304, '']);
      const headers = Object.keys(operation.responses[304]?.headers ?? {}).map((name) => name.toLowerCase());
      expect([...again.headers.keys()].filter((name) => !PLAIN.test(name) && !headers.includes(name))).toEqual([]);
      expect(operation.responses[304]?.content).toBeUndefined();
    }
    expect(cached).toEqual(expect.arrayContaining(['/v1/embeddings', '/v1/models/{model}/predict', '/v2/models/{model}/infer']));
  });

  it('every format of predictions and embeddings, in either direction', () => {
    const formats = ['application/json', 'application/msgpack', 'application/x-protobuf', 'application/octet-stream', 'application/x-npy'];
    const types = ({ content = {} }: Body = {}): string[] => Object.keys(content);
    const { post: predict } = document.paths['/v1/models/{model}/predict'] ?? {};
    const { post: embed } = document.paths['/v1/embeddings'] ?? {};
    const pictures = ['image/png', 'image/jpeg', 'image/webp', 'multipart/form-data'];
    expect(types(predict?.requestBody)).toEqual(expect.arrayContaining([...formats, ...pictures]));
    expect(types(embed?.requestBody)).toEqual(expect.arrayContaining(formats.slice(0, 3)));
    for (const operation of [predict, embed]) expect(types(operation?.responses['200'])).toEqual(expect.arrayContaining(formats));
  });

  it('when to come back', () => {
    for (const { path, operation } of operations()) {
      for (const status of ['429', '503'].filter((one) => one in operation.responses)) {
        expect([path, Object.keys(operation.responses[status]?.headers ?? {})]).toEqual([path, expect.arrayContaining(['Retry-After'])]);
      }
    }
  });
});

it('describes the errors of every route that can fail', () => {
  for (const { path, operation } of operations().filter(({ path }) => path.startsWith('/v1/') && path !== '/v1/models')) {
    expect([path, Object.keys(operation.responses)]).toEqual([path, expect.arrayContaining(['200', '404'])]);
  }
});

it('has a page for people at /docs', async () => {
  const { status, headers, text } = await send(`${server.url}/docs`);
  expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
  expect(text).toContain('swagger-ui');
  const script = /src="([^"]*swagger-ui-bundle[^"]*)"/.exec(text)?.[1] ?? '';
  expect((await send(new URL(script, `${server.url}/docs`).href)).status).toBe(200);
});
