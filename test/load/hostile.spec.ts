// Clients that mean harm: those beside them are served, they lose their connections, and the server is afterwards what it was before.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectHttp2, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, send, type Problem } from '../setup/client.js';
import { example } from '../setup/fixtures.js';
import { metric } from '../setup/metrics.js';
import { RawConnection } from '../setup/raw.js';
import { FIXTURES } from '../setup/paths.js';
import { copied, removeRepositories, shipped, written } from '../setup/repository.js';
import { Server } from '../setup/server.js';
import { until } from '../setup/until.js';
import { identityModel } from '../soak/identity-model.js';

const MIB = 1024 * 1024;
const DIGIT = example('digits');
const HEAD = 'GET /v1/models HTTP/1.1\r\nHost: a\r\nX-Slow: ';
const BODY = 'POST /v1/models/digits/predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
const INFER = {
  ':method': 'POST',
  ':path': '/inference.GRPCInferenceService/ModelInfer',
  'content-type': 'application/grpc',
  te: 'trailers',
};

const servers: Server[] = [];
async function start(env: NodeJS.ProcessEnv): Promise<Server> {
  const server = await Server.start(env, ['--import', join(FIXTURES, 'preload/held-memory.mjs')]);
  servers.push(server);
  return server;
}

const openFiles = (server: Server): number => readdirSync(`/proc/${server.pid}/fd`).length;
/** Bytes of its buffers that somebody holds; the allocator may keep more. */
async function heldBytes(server: Server): Promise<number> {
  const before = server.output.length;
  server.signal('SIGUSR2');
  const said = await until(
    'the server to say what it holds',
    () => /buffers held (\d+) bytes/.exec(server.output.slice(before)) ?? undefined,
  );
  return Number(said[1]);
}

const crowd = (server: Server, size: number): Promise<RawConnection[]> =>
  Promise.all(Array.from({ length: size }, () => RawConnection.to(server.url)));

async function expectServed(server: Server): Promise<void> {
  expect((await post(`${server.url}/v1/models/digits/predict`, DIGIT, { Connection: 'close' })).status).toBe(200);
}

/** Lets each send a byte now and then, while somebody else is served, until the server has ended all of them. */
async function drip(server: Server, clients: readonly RawConnection[]): Promise<void> {
  await until('the server to end the slow connections', async () => {
    for (const client of clients) if (!client.closed) client.write('a');
    await expectServed(server);
    return clients.every(({ closed }) => closed) ? true : undefined;
  });
}

afterAll(async () => {
  for (const server of servers) expect((await server.stop()).code).toBe(0);
  await removeRepositories();
});

describe('a server in bad company', () => {
  let server: Server;
  let files: number;
  beforeAll(async () => {
    const repository = await written({
      digits: { from: shipped('digits') },
      'floats/1/model.onnx': identityModel('FP32', ['n', 'm']),
    });
    const quick = { HEADERS_TIMEOUT_SECONDS: '1', BODY_TIMEOUT_SECONDS: '2', SLOW_CLIENT_SECONDS: '1', GRPC_IDLE_SECONDS: '1' };
    server = await start({ MODEL_REPOSITORY: repository, CACHE: 'off', ...quick });
    await expectServed(server);
    files = await until('the connections of the boot to close', () => openFiles(server));
  });

  /** Its connections are those that it had, and it is as well as it was. */
  async function expectRecovered(): Promise<void> {
    await until('the connections to be gone', () => (openFiles(server) <= files + 2 ? true : undefined));
    await expectServed(server);
  }

  it('ends 500 connections that send their headers a byte at a time', async () => {
    const clients = await crowd(server, 500);
    for (const client of clients) client.write(HEAD);
    await drip(server, clients);
    const statuses = clients.map(({ answers }) => answers[0]?.status);
    expect(new Set(statuses)).toEqual(new Set([408]));
    await expectRecovered();
  });

  it('ends 500 connections on which nothing is ever said', async () => {
    const clients = await crowd(server, 500);
    await until('silent connections to be ended', () => (clients.every(({ closed }) => closed) ? true : undefined));
    expect(clients.flatMap(({ answers }) => answers)).toEqual([]);
    await expectRecovered();
  });

  it('refuses 100 MB of headers without keeping them', async () => {
    const before = server.residentBytes;
    const client = await RawConnection.to(server.url);
    client.write(HEAD);
    const piece = Buffer.alloc(MIB, 'a');
    for (let sent = 0; sent < 100 && !client.closed; sent++) {
      if (!client.socket.write(piece)) await Promise.race([once(client.socket, 'drain'), once(client.socket, 'close')]);
    }
    await until('the refusal', () => (client.closed ? true : undefined));
    expect(client.answers[0]?.status).toBe(431);
    expect(JSON.parse(client.answers[0]?.text ?? '')).toMatchObject({ code: 'HEADERS_TOO_LARGE' } satisfies Partial<Problem>);
    client.socket.destroy();
    await expectRecovered();
    expect(server.residentBytes - before).toBeLessThan(100 * MIB);
  });

  it.each([
    ['Content-Length', `${BODY}Content-Length: 1000000\r\n\r\n{`],
    ['chunks', `${BODY}Transfer-Encoding: chunked\r\n\r\nfffff\r\n{`],
  ])('ends bodies with %s that never end', async (_, bytes) => {
    const clients = await crowd(server, 100);
    for (const client of clients) client.write(bytes);
    await drip(server, clients);
    expect(new Set(clients.map(({ answers }) => answers[0]?.status))).toEqual(new Set([408]));
    expect(JSON.parse(clients[0]?.answers[0]?.text ?? '')).toMatchObject({ code: 'REQUEST_TIMEOUT' });
    await expectRecovered();
  });

  it('does not keep 8 MiB for each client that never reads its answer', async () => {
    const count = 2 * MIB;
    const head = [
      'POST /v1/models/floats/predict HTTP/1.1',
      'Host: a',
      'Content-Type: application/octet-stream',
      'Accept: application/octet-stream',
      `Tensor-Shape: 1, ${count}`,
      `Content-Length: ${4 * count}`,
    ].join('\r\n');
    const before = await metric(server, 'nestor_rejected_total', { reason: 'REQUEST_TIMEOUT' });
    const clients = await crowd(server, 20);
    for (const { socket } of clients) {
      socket.pause();
      socket.write(`${head}\r\n\r\n`);
      socket.write(Buffer.alloc(4 * count));
    }
    await until('all of them to be given up', async () => {
      await expectServed(server);
      return (await metric(server, 'nestor_rejected_total', { reason: 'REQUEST_TIMEOUT' })) === before + 20 ? true : undefined;
    });
    for (const { socket } of clients) socket.destroy();
    await expectRecovered();
    await until('their answers to be let go', async () => {
      // The batch of a model goes at the latest with its next one.
      expect((await post(`${server.url}/v1/models/floats/predict`, { inputs: { x: [[1]] } })).status).toBe(200);
      return (await heldBytes(server)) < 3 * 8 * MIB ? true : undefined;
    });
  });

  it('does not judge a client that only waits, or is merely slow', async () => {
    const client = await RawConnection.to(server.url);
    const text = JSON.stringify({ instances: Array.from({ length: 16 }, () => (DIGIT as { instances: unknown[] }).instances[0]) });
    client.write(`${BODY}Content-Length: ${text.length}\r\n\r\n`);
    for (let at = 0; at < text.length; at += 400) {
      client.write(text.slice(at, at + 400));
      await expectServed(server);
    }
    await until('the answer', () => client.answers[0]);
    expect(client.answers[0]?.status).toBe(200);
    client.socket.destroy();
  });

  it('ends calls of gRPC whose message never ends, and their streams', async () => {
    const session = connectHttp2(`http://${server.grpc}`);
    session.on('error', () => undefined);
    const streams: ClientHttp2Stream[] = Array.from({ length: 50 }, () => session.request(INFER));
    const statuses: unknown[] = [];
    for (const stream of streams) {
      stream.on('response', (headers) => statuses.push(headers['nestor-code']));
      stream.on('error', () => undefined);
      stream.write(Buffer.from([0, 0, 0, 1, 0, 1]));
    }
    await until('the streams to be closed', () => (streams.every(({ closed }) => closed) ? true : undefined));
    expect(statuses).toEqual(Array.from({ length: 50 }, () => 'REQUEST_TIMEOUT'));
    await until('the idle connection to be sent away', () => (session.closed || session.destroyed ? true : undefined));
    session.destroy();
    await expectRecovered();
  });

  it('refuses metadata of 100 KiB, and goes on', async () => {
    const session = connectHttp2(`http://${server.grpc}`);
    const metadata = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 'a'.repeat(1024)]));
    const stream = session.request({ ...INFER, ...metadata });
    stream.on('error', () => undefined);
    await new Promise((closed) => stream.once('close', closed));
    expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
    session.destroy();
    await expectRecovered();
  });

  it('wrote next to nothing of all that into its log', () => {
    const lines = server.output.split('\n').filter((line) => !/"status":200|^buffers held/.test(line));
    // Requests that were read have a line each, as all have: those whose body did not end, and the calls of gRPC.
    expect(lines.filter((line) => !/"code":"(CANCELLED|REQUEST_TIMEOUT)"/.test(line)).length).toBeLessThan(20);
    expect(server.output).not.toMatch(/"level":(50|60)/);
  });
});

describe('at the limit of connections', () => {
  it('one that is idle gives way, and where all are busy the new one', async () => {
    const server = await start({ MODEL_REPOSITORY: await copied({ digits: shipped('digits') }), MAX_CONNECTIONS: '20' });
    const idle = await crowd(server, 20);
    await expectServed(server);
    expect(idle.filter(({ closed }) => closed).length).toBeGreaterThan(0);
    const busy = await crowd(server, 20);
    for (const client of busy) client.write(`${BODY}Content-Length: 1000\r\n\r\n{`);
    await until('idle ones to have given way', () => (idle.every(({ closed }) => closed) ? true : undefined));
    const [late] = await crowd(server, 1);
    await until('the new one to be refused', () => (late?.closed ? true : undefined));
    expect(late?.answers[0]?.headers.connection ?? 'close').toBe('close');
    expect(busy.filter(({ closed }) => closed)).toEqual([]);
    busy[0]?.socket.destroy();
    await until('room for a new one', () => expectServed(server).then(() => true, () => undefined)); // prettier-ignore
    for (const { socket } of busy) socket.destroy();
  });

  it('nobody has more than their share of an address', async () => {
    const env = { MODEL_REPOSITORY: await copied({ digits: shipped('digits') }), MAX_CONNECTIONS_PER_ADDRESS: '5', MAX_CONNECTIONS: '8' };
    const server = await start(env);
    const clients = await crowd(server, 6);
    await until('the sixth to be refused', () => (clients.some(({ closed }) => closed) ? true : undefined));
    expect(clients.filter(({ closed }) => closed)).toHaveLength(1);
    for (const { socket } of clients) socket.destroy();
    await until('room', () => expectServed(server).then(() => true, () => undefined)); // prettier-ignore

    const sessions: ClientHttp2Session[] = Array.from({ length: 6 }, () => connectHttp2(`http://${server.grpc}`));
    for (const session of sessions) session.on('error', () => undefined);
    await until('the sixth of gRPC to be refused', () => (sessions.some(({ destroyed }) => destroyed) ? true : undefined));
    expect(sessions.filter(({ destroyed }) => destroyed)).toHaveLength(1);
    for (const session of sessions) session.destroy();
    expect(await until('gRPC to be served again', () => send(`${server.url}/v2/health/ready`))).toMatchObject({ status: 200 });
  });
});
