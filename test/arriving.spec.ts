// Bodies on their way, and inputs that are served: all together they have a limit, whatever each may have, and who asks first hears of a
// refusal before it sends.
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { GRPCInferenceService } from '../src/grpc/inference_pb.js';
import { post } from './setup/client.js';
import { example } from './setup/fixtures.js';
import { GrpcClient, type Outcome } from './setup/grpc.js';
import { Keys } from './setup/keys.js';
import { metric } from './setup/metrics.js';
import { RawConnection } from './setup/raw.js';
import { copied, removeRepositories, shipped } from './setup/repository.js';
import { Server } from './setup/server.js';
import { until } from './setup/until.js';

const EACH = 1_000_000;
const TOGETHER = 2_000_000;
const SERVED = 900_000;
const DIGIT = JSON.stringify(example('digits'));
const keys = new Keys();
const key = keys.create('sender', ['predict']);
const auth = { 'X-API-Key': key };

let server: Server;
let client: GrpcClient;
beforeAll(async () => {
  server = await Server.start({
    MODEL_REPOSITORY: await copied({ digits: shipped('digits') }),
    ACCESS_KEYS_FILE: keys.file,
    OPEN_ROUTES: 'metrics',
    BODY_LIMIT_BYTES: String(EACH),
    BODIES_LIMIT_BYTES: String(TOGETHER),
    INPUTS_LIMIT_BYTES: String(SERVED),
  });
  client = new GrpcClient(server.grpc);
});
afterAll(async () => {
  client.close();
  await server.stop();
  keys.remove();
  await removeRepositories();
});

const head = (framing: string, ...more: readonly string[]): string =>
  [
    'POST /v1/models/digits/predict HTTP/1.1',
    'Host: a',
    'Content-Type: application/json',
    `X-API-Key: ${key}`,
    framing,
    ...more,
    '',
    '',
  ].join('\r\n');
const arriving = (): Promise<number> => metric(server, 'nestor_arriving_bytes');
const comes = (bytes: number): Promise<true> => until(`${bytes} bytes`, async () => ((await arriving()) === bytes ? true : undefined));

/** Begins bodies of a megabyte and sends so much of each; JSON of spaces is not looked at before its end. */
async function begin(count: number, bytes: number): Promise<RawConnection[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => RawConnection.to(server.url)));
  for (const one of clients) one.write(head(`Content-Length: ${EACH}`));
  for (const one of clients) one.write(Buffer.alloc(bytes, ' '));
  return clients;
}

function infer(rows: number): Promise<Outcome<unknown>> {
  const request = {
    modelName: 'digits',
    inputs: [{ name: 'pixels', datatype: 'FP32', shape: [BigInt(rows), 64n] }],
    rawInputContents: [new Uint8Array(rows * 256)],
  };
  return client.unary(GRPCInferenceService.method.modelInfer, request, { metadata: { 'x-api-key': key } });
}

describe('bodies that have not come to their end', () => {
  beforeEach(() => comes(0));

  it('leave no room for another, which is refused before anything of it is read; small ones need none', async () => {
    const clients = await begin(2, EACH - 1);
    await comes(TOGETHER - 2);
    for (const framing of ['Content-Length: 100000', 'Transfer-Encoding: chunked', 'Content-Encoding: gzip\r\nContent-Length: 10']) {
      const late = await RawConnection.to(server.url);
      late.write(head(framing));
      const refusal = await until('the refusal', () => late.answers[0]);
      expect([framing, refusal.status, refusal.headers['retry-after'], refusal.headers.connection]).toEqual([framing, 429, '1', 'close']);
      expect(JSON.parse(refusal.text)).toMatchObject({ code: 'QUEUE_FULL' });
      late.socket.destroy();
    }
    expect(await infer(100)).toMatchObject({ status: 'RESOURCE_EXHAUSTED', metadata: { 'nestor-code': 'QUEUE_FULL' } });
    expect((await post(`${server.url}/v1/models/digits/predict`, DIGIT, auth)).status).toBe(200);
    expect(await arriving()).toBe(TOGETHER - 2);

    for (const one of clients) one.write(' ');
    await until('the answers', () => clients.every(({ answers }) => answers[0]?.status === 400) || undefined);
    await comes(0);
    expect((await infer(100)).status).toBe('OK');
    expect((await post(`${server.url}/v1/models/digits/predict`, DIGIT + ' '.repeat(EACH / 2), auth)).status).toBe(200);
    for (const { socket } of clients) socket.destroy();
  });

  it('are refused where what comes next does not fit, and the others stay', async () => {
    const clients = await begin(3, 100_000);
    await comes(300_000);
    for (const one of clients) one.write(Buffer.alloc(EACH - 100_001, ' '));
    const refused = await until('a refusal', () => clients.find(({ answers }) => answers.length > 0));
    expect(refused.answers[0]?.status).toBe(429);
    await comes(TOGETHER - 2);
    expect(clients.filter(({ answers }) => answers.length > 0)).toEqual([refused]);
    for (const { socket } of clients) socket.destroy();
  });

  it('give their room back when their clients hang up', async () => {
    const clients = await begin(2, EACH / 2);
    const chunked = await RawConnection.to(server.url);
    chunked.write(head('Transfer-Encoding: chunked') + `186a0\r\n${' '.repeat(50_000)}`);
    await comes(EACH + 50_000);
    for (const { socket } of [...clients, chunked]) socket.destroy();
    await comes(0);
  });
});

describe('inputs that are served', () => {
  const rowsOf = (bytes: number): number => Math.ceil(bytes / 256);
  const none = (): Promise<true> => until('no inputs', async () => (await metric(server, 'nestor_input_bytes')) === 0 || undefined);

  it('are refused for good where they are more than there is room for', async () => {
    expect(await infer(rowsOf(SERVED + 1))).toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
      metadata: { 'nestor-code': 'PAYLOAD_TOO_LARGE' },
    });
    expect((await infer(rowsOf(SERVED / 2))).status).toBe('OK');
    await none();
  });

  it('give their room back however their requests end', async () => {
    const path = `${server.url}/v1/models/digits/predict`;
    const codes = await Promise.all(
      [SERVED - 256, SERVED / 2, SERVED / 3, SERVED / 2].map(async (bytes) => (await infer(rowsOf(bytes))).metadata),
    );
    for (const { 'nestor-code': code } of codes) expect([undefined, 'QUEUE_FULL']).toContain(code);
    for (const cache of ['no-cache', 'max-age=60', 'max-age=60'])
      expect((await post(path, DIGIT, { ...auth, 'Cache-Control': cache })).status).toBe(200);
    expect((await post(path, '{"inputs":{"pixels":[[1,2]]}}', auth)).status).toBe(400);
    expect((await post(path.replace('digits', 'none'), DIGIT, auth)).status).toBe(404);
    expect([200, 504]).toContain((await post(path, DIGIT, { ...auth, 'Cache-Control': 'no-cache', 'Request-Timeout': '0.001' })).status);
    for (let i = 0; i < 5; i++) {
      const gone = await RawConnection.to(server.url);
      gone.write(head(`Content-Length: ${DIGIT.length}`, 'Cache-Control: no-cache') + DIGIT);
      gone.socket.destroy();
    }
    await none();
    expect((await infer(rowsOf(SERVED - 256))).status).toBe('OK');
  });
});

/** A frame of gRPC, whose length may be announced wrong. */
function frame(message: Buffer, compressed = 0, announced = message.length): Buffer {
  const head = Buffer.from([compressed, 0, 0, 0, 0]);
  head.writeUInt32BE(announced, 1);
  return Buffer.concat([head, message]);
}

describe('calls of gRPC whose client does not end its side', () => {
  let session: ClientHttp2Session;
  beforeAll(() => {
    session = connect(`http://${server.grpc}`);
  });
  afterAll(() => {
    session.destroy();
  });
  beforeEach(() => comes(0));

  interface Open {
    readonly stream: ClientHttp2Stream;
    /** Metadata or trailers of what came. */
    readonly heard: Record<string, unknown>;
  }

  function open(path: string, bytes: Buffer, metadata: Record<string, string> = {}): Open {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'x-api-key': key,
      ...metadata,
    });
    const heard: Record<string, unknown> = {};
    for (const event of ['response', 'trailers']) stream.on(event, (headers: object) => void Object.assign(heard, headers));
    stream.on('error', () => undefined).resume();
    stream.write(bytes);
    return { stream, heard };
  }

  const closed = ({ stream }: Open): Promise<true> => until('the stream to be closed', () => stream.closed || undefined);
  const INFER = '/inference.GRPCInferenceService/ModelInfer';

  it('take room for what their message becomes, and not only for what was sent', async () => {
    const message = frame(gzipSync(Buffer.alloc(EACH - 10)), 1);
    const first = open(INFER, message, { 'grpc-encoding': 'gzip' });
    await comes(EACH - 10 + message.length);
    const second = open(INFER, message, { 'grpc-encoding': 'gzip' });
    await closed(second);
    expect(second.heard['nestor-code']).toBe('QUEUE_FULL');
    first.stream.close();
    await comes(0);
  });

  it('lose their stream once they have their status, whatever it is', async () => {
    const part = frame(Buffer.alloc(100), 0, 200);
    const check = '/grpc.health.v1.Health/Check';
    const calls = {
      DEADLINE_EXCEEDED: open(check, part, { 'grpc-timeout': '50m' }),
      UNAUTHENTICATED: open(INFER, part, { 'x-api-key': 'nobody' }),
      INVALID_REQUEST: open(check, frame(Buffer.from('nonsense'), 1), { 'grpc-encoding': 'gzip' }),
      PAYLOAD_TOO_LARGE: open(check, frame(gzipSync(Buffer.alloc(EACH - 10)), 1), { 'grpc-encoding': 'gzip' }),
      NOT_IMPLEMENTED: open('/inference.GRPCInferenceService/ModelStreamInfer', part),
      undefined: open(check, part, { 'content-type': 'text/plain' }),
    };
    for (const [code, call] of Object.entries(calls)) {
      await closed(call);
      expect([code, call.stream.rstCode]).toEqual([String(call.heard['nestor-code']), 0]);
    }
    const twice = open(check, Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.alloc(0))]));
    await closed(twice);
    expect(twice.heard['nestor-code']).toBe('NOT_IMPLEMENTED');
  });

  it('that have been answered already keep what is said behind the answer', async () => {
    const listServices = Buffer.from([0x3a, 1, 0x2a]);
    const reflection = open('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', frame(listServices), { 'grpc-timeout': '300m' });
    await closed(reflection);
    expect([reflection.heard['nestor-code'], reflection.stream.rstCode]).toEqual(['DEADLINE_EXCEEDED', 0]);
  });

  it('of reflection are answered as they are read: for who reads nothing, no answers pile up', async () => {
    const listServices = frame(Buffer.from([0x3a, 0]));
    const many = 100_000;
    const { stream } = open('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', listServices);
    stream.pause().write(Buffer.alloc(many * listServices.length, listServices));
    await until('answers that nobody reads', () => stream.readableLength > 0 || undefined);
    for (let looks = 0; looks < 50; looks++) expect(await arriving()).toBeLessThan((many * listServices.length) / 2);
    stream.resume().end();
    await closed({ stream, heard: {} });
    expect(stream.rstCode).toBe(0);
  });
});

describe('Expect: 100-continue', () => {
  const EXPECT = 'Expect: 100-continue';
  const ask = async (bytes: string): Promise<RawConnection> => {
    const connection = await RawConnection.to(server.url);
    connection.write(bytes);
    await until('a word of the server', () => connection.answers[0]);
    return connection;
  };

  it.each([
    ['without a key', 401, head('Content-Length: 10', EXPECT).replace(key, 'nst_sender_no')],
    ['that is too large', 413, head('Content-Length: 9999999', EXPECT)],
    ['of an encoding that there is not', 415, head('Content-Length: 10', 'Content-Encoding: rot13', EXPECT)],
  ])('hears the refusal of a request %s, and no go-ahead', async (_, status, bytes) => {
    const connection = await ask(bytes);
    await until('the end of the connection', () => connection.closed || undefined);
    expect(connection.answers.map((answer) => answer.status)).toEqual([status]);
    connection.socket.destroy();
  });

  it('gets the go-ahead where the body is read, and then its answer', async () => {
    const connection = await ask(head(`Content-Length: ${DIGIT.length}`, EXPECT));
    expect(connection.answers.map(({ status }) => status)).toEqual([100]);
    connection.write(DIGIT);
    await until('the answer', () => connection.answers[1]);
    expect(connection.answers.map(({ status }) => status)).toEqual([100, 200]);
    connection.socket.destroy();
  });
});
