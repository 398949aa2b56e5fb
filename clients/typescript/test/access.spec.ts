// The client beside a server that asks who it is.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Keys } from '../../../test/setup/keys.js';
import { copied, removeRepositories, shipped } from '../../../test/setup/repository.js';
import { Server } from '../../../test/setup/server.js';
import { NestorClient } from '../src/main.js';

const keys = new Keys();
const key = keys.create('digits-only', ['predict:digits', 'models:read:digits']);
const digits = { pixels: { shape: [1, 64], data: new Float32Array(64) } };
let server: Server;
beforeAll(async () => {
  server = await Server.start({
    ACCESS_KEYS_FILE: keys.file,
    MODEL_REPOSITORY: await copied({ digits: shipped('digits'), spare: shipped('digits') }),
  });
});
afterAll(async () => {
  await server.stop();
  await removeRepositories();
  keys.remove();
});

it.each([
  ['a text', key],
  ['a function', () => Promise.resolve(key)],
])('comes in with its key as %s, and sees what the key may use', async (_, apiKey) => {
  const client = new NestorClient(server.url, { apiKey });
  expect((await client.predict('digits', digits)).version).toBe('1');
  expect((await client.models()).map(({ id }) => id)).toEqual(['digits']);
  await expect(client.predict('spare', digits)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND', status: 404 });
  await expect(client.embed(['a'], { model: 'spare' })).rejects.toMatchObject({ code: 'FORBIDDEN', status: 403 });
});

it('is told that it needs one, and tries once', async () => {
  const client = new NestorClient(server.url);
  await expect(client.predict('digits', digits)).rejects.toMatchObject({ code: 'UNAUTHENTICATED', status: 401 });
  expect((await client.health()).ready).toBe(true);
});
