// A Redis that accepts what is asked and never answers.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { redisStore, type RedisStore } from './redis-store.js';

let server: Server;
let store: RedisStore;
/** Emits the names of commands as events of the server; greets a client, and answers nothing else. */
function serve(socket: Socket): void {
  socket.on('data', (data) => {
    for (const command of data.toString().split(/(?=^\*\d+\r\n)/m)) {
      const name = command.split('\r\n')[2] ?? '';
      if (name === 'CLIENT') socket.write('+OK\r\n');
      server.emit(name);
    }
  });
  socket.on('error', () => undefined);
}

beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
  server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  store = redisStore(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`, () => undefined);
  await once(server, 'CLIENT');
});
afterEach(async () => {
  await store.disconnect();
  server.close();
  jest.useRealTimers();
});

it.each([
  ['everything', async () => store.reset?.()],
  ['a model', async () => store.clearScope('model')],
])('is not waited for without end by whoever clears %s', async (_what, clear) => {
  const asked = once(server, 'SCAN').then(() => 'asked');
  // Until the client has seen that it was greeted every command fails at once.
  const tried = async (): Promise<Error> => {
    for (;;) {
      const failed = clear().catch((thrown: unknown) => thrown as Error);
      if ((await Promise.race([failed, asked])) === 'asked') return failed as Promise<Error>;
      await new Promise(setImmediate);
    }
  };
  const failed = tried();
  await asked;
  await new Promise(setImmediate);
  jest.advanceTimersByTime(5000);
  expect(await failed).toBeInstanceOf(Error);
});
