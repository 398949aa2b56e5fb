// The Open Inference Protocol over REST: as NVIDIA's client speaks it, and as nobody should.
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bytesOf } from '../src/oip/raw-tensor.js';
import { DATATYPES, everyDatatype } from './setup/every-datatype.js';
import { FIXTURES } from './setup/paths.js';
import { python, script } from './setup/python.js';
import { removeRepositories } from './setup/repository.js';
import { Server } from './setup/server.js';

const pixels = Array.from({ length: 64 }, (_, i) => i % 17);
const good = { inputs: [{ name: 'pixels', shape: [1, 64], datatype: 'FP32', data: pixels }] };
let server: Server;

beforeAll(async () => {
  server = await Server.start({ MODEL_REPOSITORY: await everyDatatype(), CACHE: 'off' });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

/** Without a Content-Type, as NVIDIA's client sends it. */
async function infer(model: string, body: Uint8Array | object, headers: Record<string, string> = {}, path = 'infer'): Promise<Response> {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
  return fetch(`${server.url}/v2/models/${model}/${path}`, { method: 'POST', body: new Uint8Array(bytes) as never, headers });
}

function binary(head: object, ...blocks: readonly Uint8Array[]): [Buffer, Record<string, string>] {
  const json = Buffer.from(JSON.stringify(head));
  return [Buffer.concat([json, ...blocks]), { 'Inference-Header-Content-Length': String(json.length) }];
}

interface Refusal {
  readonly error: string;
  readonly field?: string;
}

async function refusal(response: Response, status: number): Promise<Refusal> {
  const body = (await response.json()) as Refusal;
  expect([response.status, body]).toEqual([status, expect.objectContaining({ error: expect.any(String) })]);
  return body;
}

describe('tensors of every datatype', () => {
  it.each(Object.entries(DATATYPES))('%s goes in and out as bytes', async (datatype, data) => {
    const bytes = bytesOf(data);
    const input = { name: 'x', shape: [2, 2], datatype, parameters: { binary_data_size: bytes.byteLength } };
    const response = await infer(datatype.toLowerCase(), ...binary({ inputs: [input], parameters: { binary_data_output: true } }, bytes));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    const body = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('content-length')).toBe(String(body.length));
    const length = Number(response.headers.get('inference-header-content-length'));
    const { outputs } = JSON.parse(body.subarray(0, length).toString()) as { outputs: unknown[] };
    expect(outputs).toEqual([{ name: 'y', datatype, shape: [2, 2], parameters: { binary_data_size: bytes.byteLength } }]);
    expect(body.subarray(length)).toEqual(Buffer.from(bytes));
  });

  it.each(['INT64', 'UINT64'] as const)('%s is exact in JSON', async (datatype) => {
    const digits = Array.from<unknown, string>(DATATYPES[datatype], String).join(',');
    const body = Buffer.from(`{"inputs":[{"name":"x","shape":[2,2],"datatype":"${datatype}","data":[${digits}]}]}`);
    expect(await (await infer(datatype.toLowerCase(), body)).text()).toContain(`[${digits}]`);
  });

  it('a null counts as absent', async () => {
    const input = { name: 'x', shape: [1, 2], datatype: 'BOOL', data: [true, false], parameters: null };
    const answer = await infer('bool', { id: null, parameters: null, outputs: null, inputs: [input] });
    expect(await answer.json()).toEqual({
      model_name: 'bool',
      model_version: '1',
      outputs: [expect.objectContaining({ data: [true, false] })],
    });
  });

  it('BYTES and BOOL go as JSON too, nested or flat', async () => {
    for (const data of [
      ['a', '', 'ü', 'd'],
      [
        ['a', ''],
        ['ü', 'd'],
      ],
    ]) {
      const answer = await infer('bytes', { inputs: [{ name: 'x', shape: [2, 2], datatype: 'BYTES', data }] });
      expect(await answer.json()).toMatchObject({ model_name: 'bytes', model_version: '1', outputs: [{ data: ['a', '', 'ü', 'd'] }] });
    }
    const flags = await infer('bool', { id: 'q', inputs: [{ name: 'x', shape: [1, 2], datatype: 'BOOL', data: [true, false] }] });
    expect(await flags.json()).toMatchObject({ id: 'q', outputs: [{ data: [true, false] }] });
  });

  it('FP16 is refused as JSON in either direction, with the remedy', async () => {
    const half = bytesOf(DATATYPES.FP16);
    const asJson = await infer('fp16', {
      inputs: [{ name: 'x', shape: [1, 1], datatype: 'FP16', data: [1] }],
      parameters: { binary_data_output: true },
    });
    expect((await refusal(asJson, 400)).error).toContain('binary');
    const head = { inputs: [{ name: 'x', shape: [2, 2], datatype: 'FP16', parameters: { binary_data_size: 8 } }] };
    expect((await refusal(await infer('fp16', ...binary(head, half)), 400)).error).toContain('binary_data');
  });
});

describe('a request', () => {
  it('may be the one tensor and nothing else', async () => {
    const raw = { 'Inference-Header-Content-Length': '0' };
    const response = await infer('digits', new Uint8Array(Float32Array.from(pixels).buffer), raw);
    const body = Buffer.from(await response.arrayBuffer());
    const length = Number(response.headers.get('inference-header-content-length'));
    const { outputs } = JSON.parse(body.subarray(0, length).toString()) as { outputs: { parameters: object }[] };
    expect(outputs.map(({ parameters }) => Object.keys(parameters))).toEqual([['binary_data_size'], ['binary_data_size']]);
    expect(await (await infer('digits', good)).json()).toMatchObject({ outputs: [{ name: 'label' }, {}] });
  });

  it('may be compressed, whatever its Content-Type, with a version or without', async () => {
    const headers = { 'Content-Encoding': 'gzip', 'Content-Type': 'text/strange' };
    for (const path of ['infer', '../digits/versions/1/infer']) {
      expect((await infer('digits', gzipSync(JSON.stringify(good)), headers, path)).status).toBe(200);
    }
  });

  it.each(['json', 'binary', ''])('may have a Content-Type that is none: %p', async (type) => {
    expect((await infer('digits', good, { 'Content-Type': type })).status).toBe(200);
  });

  it('mixes binary and JSON outputs in the order that it asks for', async () => {
    const outputs = [{ name: 'probabilities', parameters: { binary_data: true } }, { name: 'label' }];
    const response = await infer('digits', { ...good, outputs });
    const length = Number(response.headers.get('inference-header-content-length'));
    const body = Buffer.from(await response.arrayBuffer());
    expect(JSON.parse(body.subarray(0, length).toString())).toMatchObject({
      outputs: [
        { name: 'probabilities', parameters: { binary_data_size: 40 } },
        { name: 'label', data: [expect.any(Number)] },
      ],
    });
    expect(body.length - length).toBe(40);
  });

  it('has a deadline in microseconds', async () => {
    await refusal(await infer('digits', { ...good, parameters: { timeout: 1 } }), 504);
  });
});

describe('what is not right is refused by name', () => {
  const input = good.inputs[0];
  const sized = (size: unknown, more: object = {}) => ({
    inputs: [{ name: 'pixels', shape: [1, 64], datatype: 'FP32', parameters: { binary_data_size: size }, ...more }],
  });
  const block = new Uint8Array(256);

  it.each([
    ['no inputs', {}, 'inputs'],
    ['inputs that are no array', { inputs: {} }, 'inputs'],
    ['an input that is no object', { inputs: [1] }, 'inputs[0]'],
    ['an input without a name', { inputs: [{ ...input, name: undefined }] }, 'inputs[0].name'],
    ['an unknown input', { inputs: [{ ...input, name: 'x' }] }, 'inputs.x'],
    ['an input twice', { inputs: [input, input] }, 'inputs.pixels'],
    ['no shape', { inputs: [{ ...input, shape: undefined }] }, 'inputs.pixels.shape'],
    ['another shape', { inputs: [{ ...input, shape: [2, 64] }] }, 'inputs.pixels.data'],
    ['a shape beyond all memory', { inputs: [{ ...input, shape: [1e15, 64] }] }, 'inputs.pixels.data'],
    ['BF16', { inputs: [{ ...input, datatype: 'BF16' }] }, 'inputs.pixels.datatype'],
    ['no data', { inputs: [{ ...input, data: undefined }] }, 'inputs.pixels.data'],
    ['an unknown output', { ...good, outputs: [{ name: 'x' }] }, 'outputs'],
    ['an output without a name', { ...good, outputs: [{}] }, 'outputs[0].name'],
    ['a parameter that is an object', { ...good, parameters: { a: {} } }, 'parameters.a'],
    ['a reserved parameter', { ...good, parameters: { triton_x: 1 } }, 'parameters.triton_x'],
    ['a timeout that is none', { ...good, parameters: { timeout: 'soon' } }, 'parameters.timeout'],
    ['an id that is a number', { ...good, id: 1 }, 'id'],
    ['one number for a row', { inputs: [{ ...input, data: 7 }] }, 'inputs.pixels.data'],
    ['a binary size and no bytes', sized(256), 'inputs.pixels.parameters.binary_data_size'],
  ])('%s', async (_, body, field) => {
    expect((await refusal(await infer('digits', body), 400)).field).toBe(field);
  });

  it.each([
    ['too many bytes', ...binary(sized(256), block, block), 'body'],
    ['too few', ...binary(sized(256), block.subarray(1)), 'inputs.pixels.parameters.binary_data_size'],
    ['a size that is not the shape', ...binary(sized(252), block.subarray(4)), 'inputs.pixels.data'],
    ['a negative size', ...binary(sized(-1), block), 'inputs.pixels.parameters.binary_data_size'],
    ['a size in words', ...binary(sized('256'), block), 'inputs.pixels.parameters.binary_data_size'],
    ['data twice', ...binary(sized(256, { data: pixels }), block), 'inputs.pixels.data'],
    ['a forged header', binary(good)[0], { 'Inference-Header-Content-Length': '99999' }, 'Inference-Header-Content-Length'],
    ['a negative header', binary(good)[0], { 'Inference-Header-Content-Length': '-1' }, 'Inference-Header-Content-Length'],
    ['a header in words', binary(good)[0], { 'Inference-Header-Content-Length': '1e2' }, 'Inference-Header-Content-Length'],
    ['a header that cuts the JSON', binary(good)[0], { 'Inference-Header-Content-Length': '20' }, 'body'],
    ['a raw body of half a row', block.subarray(128), { 'Inference-Header-Content-Length': '0' }, 'body'],
  ] as const)('%s', async (_, body, headers, field) => {
    expect((await refusal(await infer('digits', body, headers), 400)).field).toBe(field);
  });

  it('strings that are cut, or no text', async () => {
    for (const bytes of [
      Buffer.from([9, 0, 0, 0, 65]),
      Buffer.from([1, 0]),
      Buffer.from([1, 0, 0, 0, 0xff]),
      Buffer.from([0xff, 0xff, 0xff, 0xff, 65]),
    ]) {
      const head = { inputs: [{ name: 'x', shape: [1, 1], datatype: 'BYTES', parameters: { binary_data_size: bytes.length } }] };
      expect((await refusal(await infer('bytes', ...binary(head, bytes)), 400)).field).toBe('inputs.x.data');
    }
  });

  it('a raw body that is no text', async () => {
    const latin1 = await infer('bytes', Buffer.from('café', 'latin1'), { 'Inference-Header-Content-Length': '0' });
    expect((await refusal(latin1, 400)).field).toBe('body');
  });

  it('strings that hold a NUL, which would be cut there', async () => {
    const nul = await infer('bytes', { inputs: [{ name: 'x', shape: [1, 1], datatype: 'BYTES', data: ['a\u0000b'] }] });
    expect((await refusal(nul, 400)).field).toBe('inputs.x.data');
  });

  it('versions and models that are not there', async () => {
    await refusal(await infer('none', good), 404);
    await refusal(await infer('digits', good, {}, 'versions/2/infer'), 404);
    await refusal(await infer('digits', good, {}, 'versions/latest/infer'), 404);
  });
});

describe('the server', () => {
  it.each(['/v2', '/v2/', '/v2/health/live', '/v2/health/ready', '/v2/models', '/v2/models/stats', '/v2/models/digits/versions/1/ready'])(
    'GET %s',
    async (path) => {
      const response = await fetch(server.url + path);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual(expect.any(Object));
    },
  );

  it('lists its repository, with an empty body or a wish', async () => {
    const index = (body?: string) => fetch(`${server.url}/v2/repository/index`, { method: 'POST', ...(body !== undefined && { body }) });
    expect(await (await index()).json()).toContainEqual({ name: 'digits', version: '1', state: 'READY', reason: '' });
    expect(await (await index('{"ready":true}')).json()).toHaveLength(Object.keys(DATATYPES).length + 1);
    expect((await refusal(await index('{"ready":1}'), 400)).field).toBe('ready');
    expect((await refusal(await index(`{"more":[${'[],'.repeat(1024 * 1024)}[]]}`), 413)).field).toBe('body');
  });
});

it("NVIDIA's client works unchanged", async () => {
  const interpreter = python();
  if (!interpreter) return;
  const whole = await Server.start({ ADMIN_API: 'on', CACHE: 'off' });
  try {
    expect(await script(interpreter, 'oip_http.py', new URL(whole.url).host, FIXTURES)).toContain('ok');
  } finally {
    await whole.stop();
  }
});
