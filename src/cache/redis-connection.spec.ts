// A Redis that takes the connection and does not answer is connected anew.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { connectRedis } from './redis-connection.js';

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] }));
afterEach(() => void jest.useRealTimers());

it('where not even its greeting is answered, once, and says why', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    // The first connection is for nothing.
    socket.on('data', (data) => sockets.length > 1 && socket.write('+OK\r\n'.repeat(data.toString().split('CLIENT').length - 1)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const told: string[] = [];
  const { client, disconnect } = connectRedis(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`, ({ message }) =>
    told.push(message),
  );
  await once(client, 'connect');
  jest.advanceTimersByTime(5000);
  const back = new Promise((resolve) => client.once('ready', resolve));
  while (!client.isOpen) {
    jest.advanceTimersByTime(100);
    await new Promise(setImmediate);
  }
  await back;
  expect(told).toEqual(['it takes the connection and does not answer']);
  expect(sockets).toHaveLength(2);
  await disconnect();
  server.close();
});
