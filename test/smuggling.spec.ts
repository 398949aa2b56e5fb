// Requests that a proxy may read in another way than the server: each is refused, or read in one way, and where its end is in doubt nothing
// behind it is served. What refusals say is about the request, never about the server.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { asyncProperty, assert, constantFrom, string, tuple } from 'fast-check';
import { expectNoInternals } from './setup/expectations.js';
import { example } from './setup/fixtures.js';
import { RawConnection, type RawAnswer } from './setup/raw.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { send, type Problem } from './setup/client.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

const BODY = JSON.stringify(example('digits'));
const POST = 'POST /v1/models/digits/predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
const GET = 'GET /health/live HTTP/1.1\r\nHost: a\r\n';
/** What must never be answered behind a request that is in doubt: it is the only one here that is. */
const BEHIND = 'GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n';
const OPENAI = { error: { message: expect.any(String), type: 'invalid_request_error' } };
const CHUNKS = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;

let server: Server;
beforeAll(async () => {
  server = await Server.start({ MODEL_REPOSITORY: await copied({ digits: shipped('digits') }), LOG_LEVEL: 'info' });
});
afterAll(async () => {
  const { output } = await server.stop();
  await removeRepositories();
  // Thousands of such connections must not fill a disk.
  expect(output.split('\n').filter((line) => /not HTTP|Transfer-Encoding|Content-Length|node_modules/.test(line))).toEqual([]);
});

/** Sends bytes on a connection of their own and waits until it is closed, or so many answers have come. */
async function ask(bytes: string | Uint8Array, answers = Infinity): Promise<{ answers: RawAnswer[]; closed: boolean }> {
  const connection = await RawConnection.to(server.url);
  connection.write(bytes);
  await until('the answer', () => (connection.closed || connection.answers.length >= answers ? true : undefined));
  connection.socket.destroy();
  return connection;
}

function expectProblem(answer: RawAnswer | undefined, status: number): void {
  expect(answer?.status).toBe(status);
  expect(answer?.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer?.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(JSON.parse(answer?.text ?? '')).toMatchObject({ status, code: expect.stringMatching(/^[A-Z_]+$/) as unknown });
  expectNoInternals({ text: answer?.text ?? '', status, headers: new Headers(), body: undefined });
  expect(answer?.text).not.toMatch(/HPE_|llhttp|Parse Error|fastify|FST_|node/i);
}

describe('is refused once and for all, and the connection closed', () => {
  it.each([
    ['Content-Length beside Transfer-Encoding', 400, `${POST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['Transfer-Encoding beside Content-Length', 400, `${POST}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n`],
    ['no Host', 400, 'GET /health/live HTTP/1.1\r\n\r\n'],
    ['two', 400, 'GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['one that is none', 400, 'GET /health/live HTTP/1.1\r\nHost: a@b\r\n\r\n'],
    ['a URL of another host', 400, 'GET http://b/health/live HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a URL of 9,000 bytes', 414, `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['an unknown transfer coding', 501, `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['identity', 501, `${POST}Transfer-Encoding: identity\r\n\r\n`],
    ['chunked, which is not last', 400, `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
    ['a coding below chunked', 501, `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['Transfer-Encoding twice', 400, `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
    ['a space before the colon', 400, `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
    ['a vertical tab before the value', 400, `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
    ['a folded line', 400, `${POST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
    ['chunks in HTTP/1.0', 400, `${POST.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['the same Content-Length twice', 400, `${POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`],
    ['two of them', 400, `${POST}Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}`],
    ['a list of them', 400, `${POST}Content-Length: 2, 2\r\n\r\n{}`],
    ['one with a sign', 400, `${POST}Content-Length: +2\r\n\r\n{}`],
    ['one that is negative', 400, `${POST}Content-Length: -2\r\n\r\n{}`],
    ['one in hex', 400, `${POST}Content-Length: 0x2\r\n\r\n{}`],
    ['one that is empty', 400, `${POST}Content-Length: \r\n\r\n{}`],
    ['one beyond 64 bits', 400, `${POST}Content-Length: 18446744073709551618\r\n\r\n{}`],
    ['one beyond a double', 413, `${POST}Content-Length: 9007199254740993\r\n\r\n{}`],
    ['a bare LF behind the first line', 400, 'GET /health/live HTTP/1.1\nHost: a\n\n'],
    ['a bare LF behind a header', 400, `${GET}A: b\nC: d\r\n\r\n`],
    ['a bare CR behind a header', 400, `${GET}A: b\rC: d\r\n\r\n`],
    ['a line that begins with a space', 400, 'GET /health/live HTTP/1.1\r\n Host: a\r\n\r\n'],
    ['NUL in a name', 400, `${GET}A\0: b\r\n\r\n`],
    ['NUL in a value', 400, `${GET}A: b\0c\r\n\r\n`],
    ['NUL in the path', 400, 'GET /v1/models/a\0b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['bytes beyond ASCII in the path', 400, 'GET /v1/models/\xc0\xaf HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a chunk whose size is no number', 400, `${POST}Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n`],
    ['a chunk whose size is negative', 400, `${POST}Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n`],
    ['a chunk whose size has 0x before it', 400, `${POST}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n`],
    ['a chunk whose size overflows', 400, `${POST}Transfer-Encoding: chunked\r\n\r\n1${'0'.repeat(16)}2\r\n{}\r\n0\r\n\r\n`],
    ['a chunk that is longer than it says', 400, `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`],
    ['chunks with bare LFs', 400, `${POST}Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n`],
    ['a bomb of chunk extensions', 413, `${POST}Transfer-Encoding: chunked\r\n\r\n2;${'a'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`],
    ['a Content-Length in the trailers', 400, `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 7\r\n\r\n`],
    ['HTTP/2 without the upgrade', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a method in lower case', 400, 'get /health/live HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a handshake of TLS', 400, Buffer.from('16030100a5010000a1030300', 'hex').toString('latin1')],
    ['a head of 17 KiB', 431, `${GET}A: ${'a'.repeat(17 * 1024)}\r\n\r\n`],
    ['a body over the limit, unread', 413, `${POST}Content-Length: 999999999\r\n\r\n`],
  ])('%s', async (_, status, bytes) => {
    const { answers, closed } = await ask(bytes + BEHIND);
    expect(answers).toHaveLength(1);
    expectProblem(answers[0], status);
    expect(answers[0]?.headers.connection).toBe('close');
    expect(closed).toBe(true);
  });

  it('a tunnel, without a word', async () => {
    expect((await ask(`CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n${BEHIND}`)).answers).toEqual([]);
  });
});

describe('is refused, and its end is certain', () => {
  it.each([
    ['overlong UTF-8 in the path', 400, 'GET /v1/models/%c0%af HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a slash in a name', 404, 'GET /v1/models/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['dots', 404, 'GET /v1/models/../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['NUL in a name', 404, 'GET /v1/models/digits%00 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ])('%s', async (_, status, bytes) => {
    const { answers } = await ask(bytes + GET + '\r\n', 2);
    expectProblem(answers[0], status);
    expect(answers[1]?.status).toBe(200);
  });
});

describe('is refused in the words of the clients of its route', () => {
  it.each([
    ['a URL with a host, of /v2', 404, { error: expect.stringContaining('nope') }, 'GET http://a/v2/models/nope HTTP/1.1\r\nHost: a\r\n'],
    ['a URL with a host, of OpenAI', 400, OPENAI, 'POST http://a/v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n'],
    ['a path with an encoded letter', 400, OPENAI, 'POST /v1/%65mbeddings HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n'],
    ['a URL that cannot be decoded', 400, { error: expect.any(String) }, 'GET http://a/v2/models/%ff HTTP/1.1\r\nHost: a\r\n'],
  ])('%s', async (_, status, body, head) => {
    const { answers } = await ask(`${head}\r\n`, 1);
    expect(answers[0]?.status).toBe(status);
    expect(JSON.parse(answers[0]?.text ?? '')).toMatchObject(body);
  });

  it('a URL with a host whose path has no such method, with those that it has', async () => {
    const { answers } = await ask('DELETE http://a/v2/models/digits HTTP/1.1\r\nHost: a\r\n\r\n', 1);
    expect(answers.map(({ status, headers }) => [status, headers.allow])).toEqual([[405, 'GET, HEAD']]);
  });

  it.each([
    ['/v2', '/v2/models/digits/infer', { code: 'INVALID_REQUEST', error: expect.any(String) }],
    ['OpenAI', '/v1/embeddings', OPENAI],
  ])('a broken body, of %s, under the id of its line in the log', async (_, path, body) => {
    const { answers } = await ask(`POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n${BEHIND}`);
    expect(answers.map(({ status }) => status)).toEqual([400]);
    expect(JSON.parse(answers[0]?.text ?? '')).toMatchObject(body);
    const id = answers[0]?.headers['x-request-id'] ?? '';
    await until('the line in the log', () => server.output.includes(`"requestId":"${id}"`) || undefined);
  });
});

describe('is served', () => {
  it.each([
    ['a URL of the same host', 'GET http://a/health/live HTTP/1.1\r\nHost: a\r\n\r\n', 200],
    [
      'an expectation that there is not, as if there were none',
      `${POST}Expect: magic\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
      200,
    ],
    ['chunks', `${POST}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}`, 200],
    ['chunks with a small extension and trailers', `${POST}Transfer-Encoding: chunked\r\n\r\n${CHUNKS.replace('\r\n', ';a=b\r\n')}`, 200],
  ])('%s, and what is behind it', async (_, bytes, status) => {
    const { answers } = await ask(bytes + BEHIND, 2);
    expect(answers.map((answer) => answer.status)).toEqual([status, 200]);
  });

  it('an upgrade that there is not, as if it were not asked for, and nothing behind it', async () => {
    const { answers } = await ask(`${GET}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n${BEHIND}`);
    expect(answers.map(({ status, headers }) => [status, headers.connection])).toEqual([[200, 'close']]);
  });

  it('a request before one whose body is broken, and then the connection is closed', async () => {
    const broken = `${POST}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`;
    const { answers, closed } = await ask(`${POST}Content-Length: ${BODY.length}\r\n\r\n${BODY}${broken}${BEHIND}`);
    expect(answers.map(({ status }) => status)).toEqual([200, 400]);
    expect(closed).toBe(true);
  });

  it('a request before bytes that are none, and then the connection is closed', async () => {
    const { answers, closed } = await ask(`${GET}\r\ngarbage\r\n\r\n${BEHIND}`);
    expect(answers.map(({ status }) => status)).toEqual([200, 400]);
    expect(closed).toBe(true);
  });
});

describe('refusals', () => {
  const PARTS = [
    '/',
    '..',
    '%2e%2e',
    '%2f',
    '%00',
    '%c0%af',
    '%ff',
    '%',
    '?',
    '#',
    '&',
    '=',
    ';',
    '\\',
    '*',
    ':',
    "'",
    '"',
    '<script>',
    '{}',
    '~',
    '%0d%0a',
  ];
  const ROUTES = [
    '/v1/models/',
    '/v1/models/digits',
    '/v1/models/digits/predict',
    '/v2/models/',
    '/v1/embeddings',
    '/docs/',
    '/health',
    '/',
  ];
  const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE'];

  it('say nothing of the inside, whatever is asked', async () => {
    const path = tuple(
      constantFrom(...ROUTES),
      constantFrom(...PARTS),
      string({ maxLength: 12, unit: 'binary-ascii' }),
      constantFrom(...PARTS),
    );
    await assert(
      asyncProperty(constantFrom(...METHODS), path, async (method, parts) => {
        const target = parts.join('').replaceAll(/[^\x21-\x7e]/g, (odd) => encodeURIComponent(odd));
        const { answers } = await ask(`${method} ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        const [answer] = answers;
        expect(answer === undefined ? 404 : answer.status).not.toBe(500);
        if (!answer || answer.status < 400) return;
        expectNoInternals({ ...answer, headers: new Headers(), body: undefined });
        expect(answer.text).not.toMatch(/FST_|fastify|@nestjs|NestorError|Exception|ENOENT|EACCES|undefined/i);
        expect(Object.keys(answer.headers)).not.toEqual(expect.arrayContaining(['x-powered-by']));
        expect(Object.keys(answer.headers)).not.toEqual(expect.arrayContaining(['server']));
      }),
      { numRuns: 400 },
    );
    expect((await send(`${server.url}/health/live`)).status).toBe(200);
  });

  it('are counted by their code', async () => {
    const page = (await send(`${server.url}/metrics`)).text;
    for (const code of ['HEADERS_TOO_LARGE', 'URL_TOO_LONG', 'INVALID_REQUEST'])
      expect(Number(new RegExp(`^nestor_rejected_total\\{reason="${code}"\\} (\\d+)`, 'm').exec(page)?.[1])).toBeGreaterThan(0);
  });

  it('of the framework itself have their words from here', async () => {
    const { body } = await send(`${server.url}/v1/models/%ff`);
    expect(body as Problem).toMatchObject({ status: 400, field: 'url', detail: 'The path is not percent-encoded UTF-8' });
  });
});
