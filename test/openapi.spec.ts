// The OpenAPI document is 3.1, and every example in it works when it is sent.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, send } from './setup/client.js';
import { Server } from './setup/server.js';

interface Example {
  readonly summary?: string;
  readonly value: unknown;
}
interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly example?: string; readonly schema?: { readonly example?: string } }[];
  readonly requestBody?: { readonly content: Record<string, { readonly examples?: Record<string, Example> }> };
  readonly responses: Record<string, unknown>;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string };
  readonly paths: Record<string, Record<string, Operation>>;
}

let server: Server;
let document: Document;
beforeAll(async () => {
  server = await Server.start({ ADMIN_API: 'on' });
  document = (await send(`${server.url}/openapi.json`)).body as Document;
});
afterAll(() => server.stop());

const operations = (): { path: string; method: string; operation: Operation }[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

/** The URL with its parameters at their examples; a summary `model: ...` says which model an example is for. */
function urlOf(path: string, { parameters = [] }: Operation, summary = ''): string {
  const [, model] = /^([\w-]+):/.exec(summary) ?? [];
  const values = Object.fromEntries(parameters.map(({ name, example, schema }) => [name, example ?? schema?.example]));
  const filled = path.replaceAll(
    /\{(\w+)\}/g,
    (_, name: string) => (name === 'model' ? model : undefined) ?? values[name] ?? `no example for ${name}`,
  );
  return server.url + filled;
}

it('is OpenAPI 3.1 and knows every route', () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(document.info.title).toBe('Nestor');
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
    ]),
  );
});

describe('examples', () => {
  it('of every route that takes a body are there, and all of them are answered with 200', async () => {
    // Backwards, so that what is unloaded is loaded next.
    const posts = operations()
      .filter(({ method }) => method === 'post')
      .sort((a, b) => (a.path < b.path ? 1 : -1));
    expect(posts.length).toBeGreaterThanOrEqual(3);
    for (const { path, operation } of posts) {
      const examples = Object.entries(operation.requestBody?.content['application/json']?.examples ?? {});
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
