// The client in a real browser: the page comes from a proxy of one origin with the server, which sends no CORS headers.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { browse, chromium } from '../../../test/setup/chromium.js';
import { digits, MINILM, picture } from '../../../test/setup/fixtures.js';
import { Server } from '../../../test/setup/server.js';
import { Project } from './package.js';

const heldOut = digits();
const PAGE = `<!doctype html>
<script type="importmap">{"imports": {
  "@nestor/client": "/modules/@nestor/client/dist/main.js",
  "@msgpack/msgpack": "/modules/@msgpack/msgpack/dist.esm/index.mjs"
}}</script>
<script type="module">
  const report = (result) => fetch('/report', { method: 'POST', body: JSON.stringify(result) });
  try {
    const { NestorClient, NestorError } = await import('@nestor/client');
    const client = new NestorClient('');
    const pixels = { shape: [1, 64], data: Float32Array.from(${JSON.stringify(heldOut.pixels[0])}) };
    const { outputs } = await client.predict('digits', { pixels }, { timeoutMs: 30000, priority: 1, requestId: 'page' });
    const image = await (await fetch('data:image/png;base64,${picture('text-line-180')}')).blob();
    const { predictions } = await client.predict('text-orientation', [{ image }]);
    const vectors = await client.embed(['one', 'two'], { model: '${MINILM}', dimensions: 8 });
    const refusal = await client.predict('nobody', []).catch((error) => error);
    const abort = new AbortController();
    const aborted = client.embed(['three'], { model: '${MINILM}', signal: abort.signal }).catch((error) => error.name);
    abort.abort();
    await report({
      label: String(outputs.label.data[0]),
      kind: outputs.label.data.constructor.name,
      turned: predictions[0].label,
      vectors: vectors.map((vector) => vector.length),
      refusal: [refusal instanceof NestorError, refusal.code, refusal.status],
      aborted: await aborted,
      ready: (await client.health()).ready,
    });
  } catch (error) {
    await report({ error: String(error?.stack ?? error) });
  }
</script>`;

let nestor: Server;
let project: Project;
beforeAll(async () => {
  [nestor, project] = await Promise.all([Server.start(), Project.create()]);
});
afterAll(async () => {
  await nestor.stop();
  await project.remove();
});

/** The page, the modules, the place to report to; everything else is the server's. */
async function answer(request: IncomingMessage, response: ServerResponse, report: (body: string) => void): Promise<void> {
  const { url = '', method, headers } = request;
  if (url === '/') response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE);
  else if (url === '/report') {
    report(await text(request));
    response.end();
  } else if (url.startsWith('/modules/')) {
    const file = await readFile(join(project.path('node_modules'), url.slice('/modules/'.length)));
    response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(file);
  } else {
    const there = forward(`${nestor.url}${url}`, { method, headers }, (back) => {
      response.writeHead(back.statusCode ?? 500, back.headers);
      back.pipe(response);
    });
    there.on('error', () => response.destroy());
    response.once('close', () => there.destroy());
    request.pipe(there);
  }
}

it('predicts, embeds, refuses and aborts in Chromium', async () => {
  const browser = await chromium();
  if (!browser) return;
  const { promise, resolve } = Promise.withResolvers<string>();
  const proxy = createServer((request, response) => {
    answer(request, response, resolve).catch(() => response.writeHead(404).end());
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  try {
    const result = await browse(browser, `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/`, promise);
    expect(JSON.parse(result)).toEqual({
      label: String(heldOut.labels[0]),
      kind: 'BigInt64Array',
      turned: '180',
      vectors: [8, 8],
      refusal: [true, 'MODEL_NOT_FOUND', 404],
      aborted: 'AbortError',
      ready: true,
    });
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});
