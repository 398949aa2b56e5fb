// Threads that another thread starts: what they say is heard to the end, and their starter is not for ever.
import { afterEach, expect, it } from '@jest/globals';
import { starterUrl, WorkerThreads, type WorkerThread } from './worker-threads.js';

const script = (source: string): URL => new URL(`data:text/javascript,${encodeURIComponent(source)}`);

/** Every thread says why it cannot load and is gone in the same moment. */
const HASTY = script(`
import { parentPort } from 'node:worker_threads';
parentPort.on('message', (request) => {
  if (request === 'end') return parentPort.close();
  request.port.postMessage({ kind: 'unloadable', reason: 'no such file' });
  request.port.close();
  parentPort.postMessage({ kind: 'ended', id: request.id, code: 7 });
});
`);

/** Dies of the first thread that it is to start. */
const MORTAL = script(`
import { parentPort } from 'node:worker_threads';
parentPort.on('message', () => {
  throw new Error('out of memory');
});
`);

const open: WorkerThreads[] = [];
function threadsOf(starter: URL): WorkerThreads {
  const threads = new WorkerThreads(starter);
  open.push(threads);
  return threads;
}
afterEach(() => Promise.all(open.splice(0).map((threads) => threads.close())));

/** What a thread tells until it ends. */
function told(thread: WorkerThread): Promise<unknown[]> {
  const heard: unknown[] = [];
  thread.on('message', (reply) => heard.push(reply));
  thread.on('error', (error) => heard.push(error));
  return new Promise((resolve) => {
    thread.on('exit', (code) => {
      heard.push(code);
      resolve(heard);
    });
  });
}

it('a thread is heard to its end', async () => {
  expect(await told(threadsOf(HASTY).open())).toEqual([{ kind: 'unloadable', reason: 'no such file' }, 7]);
});

it('a thread that cannot load says why, and ends', async () => {
  const thread = threadsOf(starterUrl()).open();
  const all = told(thread);
  thread.postMessage({ modelPath: 'none.onnx', sessionOptions: {}, niceness: 0 });
  expect(await all).toEqual([{ kind: 'unloadable', reason: expect.stringContaining('none.onnx') }, 0]);
});

it('where their starter dies threads say of what, and the next has another', async () => {
  const threads = threadsOf(MORTAL);
  expect(await told(threads.open())).toEqual([expect.stringContaining('out of memory'), 1]);
  expect(await told(threads.open())).toEqual([expect.stringContaining('out of memory'), 1]);
});

it('where their starter dies while they are told to end nobody waits for it', async () => {
  const threads = threadsOf(MORTAL);
  const all = told(threads.open());
  await threads.close();
  await all;
});

it('that is started ahead is the next that somebody asks for, and ends where nobody does', async () => {
  const threads = threadsOf(HASTY);
  threads.startAhead();
  const ahead = threads.open();
  expect((await told(ahead)).at(-1)).toBe(7);
  threads.startAhead();
  await threads.close();
});
