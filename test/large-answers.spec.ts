// Answers of many bytes: each its own, and their memory is given back when they have gone out.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Tensor } from '../src/tensor.js';
import { blockOf, FORMATS, send, type Format } from './setup/formats.js';
import { metric } from './setup/metrics.js';
import { removeRepositories, written } from './setup/repository.js';
import { Server } from './setup/server.js';
import { identityModel } from './soak/identity-model.js';

const ELEMENTS = 3 * 224 * 224;

let server: Server;
beforeAll(async () => {
  const model = identityModel('FP32', ['n', 3, 224, 224]);
  const models = { 'alone/1/model.onnx': model, 'mates/1/model.onnx': model, 'mates/model.yaml': 'batching: { maxRows: 8 }' };
  server = await Server.start({ MODEL_REPOSITORY: await written(models), CACHE: 'off' });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
});

function tensorOf(seed: number): Tensor {
  const data = Float32Array.from({ length: ELEMENTS }, (_, index) => seed + index / ELEMENTS);
  return { name: 'x', datatype: 'FP32', shape: [1, 3, 224, 224], data };
}

async function roundTrip(
  format: Format,
  model: string,
  tensor: Tensor,
  headers: Readonly<Record<string, string>> = {},
): Promise<Uint8Array | undefined> {
  const outgoing = format.write(model, [tensor], ['y']);
  const { status, headers: told, body } = await send(server.url, { ...outgoing, headers: { ...outgoing.headers, ...headers } });
  expect(status).toBe(200);
  return format.read(body, told)[0]?.bytes;
}

/** Sends it, and goes away when the answer begins. */
async function hangUp(format: Format, model: string, tensor: Tensor): Promise<void> {
  const { path, headers, body } = format.write(model, [tensor], ['y']);
  const left = new AbortController();
  const answer = await fetch(server.url + path, { method: 'POST', headers, body: new Uint8Array(body), signal: left.signal });
  left.abort();
  await expect(answer.arrayBuffer()).rejects.toThrow();
}

it('are their own, whoever else is answered meanwhile, has them compressed, or goes away', async () => {
  const binary = FORMATS.filter(({ name }) => !name.includes('JSON'));
  await Promise.all(
    Array.from({ length: 48 }, async (_, index) => {
      const [format, tensor] = [binary[index % binary.length] ?? FORMATS[0], tensorOf(index)];
      if (!format) throw new Error('no format');
      const model = index % 2 === 0 ? 'alone' : 'mates';
      if (index % 5 === 4) return hangUp(format, model, tensor);
      const headers: Record<string, string> = index % 3 === 0 ? { 'Accept-Encoding': 'gzip' } : {};
      expect([
        format.name,
        index,
        Buffer.compare((await roundTrip(format, model, tensor, headers)) ?? Buffer.alloc(0), blockOf(tensor).bytes),
      ]).toEqual([format.name, index, 0]);
    }),
  );
});

it('do not wait for the collector', async () => {
  const [format] = FORMATS.filter(({ name }) => name === 'octet-stream');
  if (!format) throw new Error('no octet-stream');
  const tensor = tensorOf(0);
  const collections = (): Promise<number> => metric(server, 'nodejs_gc_duration_seconds_count', { kind: 'major' });
  const before = await collections();
  const client = async (): Promise<void> => {
    for (let i = 0; i < 200; i++) await roundTrip(format, 'alone', tensor);
  };
  await Promise.all([client(), client(), client(), client()]);
  // V8 would look through the whole heap for every 64 to 128 MiB of these 480, and may look once or twice of its own accord.
  expect((await collections()) - before).toBeLessThanOrEqual(2);
});
