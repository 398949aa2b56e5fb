// The disk tier and its thread: what is there is read whatever else the disk cannot do.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as threads from 'node:worker_threads';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';

/** Whether the system has threads to give. */
let exhausted = false;
jest.unstable_mockModule('node:worker_threads', () => ({
  ...threads,
  Worker: class extends threads.Worker {
    constructor(...given: ConstructorParameters<typeof threads.Worker>) {
      if (exhausted) throw new Error('EAGAIN');
      super(...given);
    }
  },
}));
const { DiskStore } = await import('./disk-store.js');

let folder: string;
let store: InstanceType<typeof DiskStore>;
beforeEach(() => {
  exhausted = false;
  folder = mkdtempSync(join(tmpdir(), 'nestor-disk-'));
});
afterEach(async () => {
  await store.disconnect();
  rmSync(folder, { recursive: true, force: true });
});

const value = Buffer.from('value');

it('comes back when the system has threads again, however often it had none', async () => {
  exhausted = true;
  store = new DiskStore(folder, 1_000_000);
  for (let i = 0; i < 300; i++) await expect(store.set('model:key', { value })).rejects.toThrow('EAGAIN');
  exhausted = false;
  await expect(store.set('model:key', { value })).resolves.toBe(true);
});

it('reads while another process writes for long, though it cannot note that the value was used', async () => {
  store = new DiskStore(folder, 1_000_000);
  await store.set('model:key', { value });
  const other = new DatabaseSync(join(folder, 'cache.sqlite'));
  other.exec('UPDATE entries SET used = 0; BEGIN IMMEDIATE');
  const read = await store.get('model:key');
  other.exec('COMMIT');
  other.close();
  expect(Buffer.from((read as { value: Uint8Array }).value)).toEqual(value);
});

it('knows what is there before anything is written', async () => {
  store = new DiskStore(folder, 1_000_000);
  await store.set('model:key', { value });
  const { bytes } = store;
  await store.disconnect();
  store = new DiskStore(folder, 1_000_000);
  await store.get('model:key');
  expect([store.bytes, store.entries]).toEqual([bytes, 1]);
});
