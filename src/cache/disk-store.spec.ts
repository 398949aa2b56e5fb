// The disk tier and its thread: what is there is read whatever else the disk cannot do.
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import * as threads from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

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

type DiskTier = InstanceType<typeof DiskStore>;

let folder: string;
let store: DiskTier | undefined;
beforeEach(() => {
  exhausted = false;
  store = undefined;
  folder = mkdtempSync(join(tmpdir(), 'nestor-disk-'));
});
afterEach(async () => {
  await store?.disconnect();
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

/** What this process has open of the folder. */
function held(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)].filter((path) => path.startsWith(folder));
    } catch {
      return [];
    }
  });
}

it.each([
  ['set up', 'CREATE TABLE entries (other)'],
  ['asked', 'CREATE TABLE entries (key, scope, used)'],
])('leaves nothing open of a file that cannot be %s, however often it is tried', async (_, tables) => {
  const file = new DatabaseSync(join(folder, 'cache.sqlite'));
  file.exec(tables);
  file.close();
  store = new DiskStore(folder, 1_000_000);
  for (let i = 0; i < 5; i++) await expect(store.get('model:key')).rejects.toThrow('column');
  expect(held()).toEqual([]);
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

it('holds up neither the closing nor the end of the process where the disk hangs', async () => {
  const file = new DatabaseSync(join(folder, 'cache.sqlite'));
  file.exec('CREATE TABLE any (thing)');
  file.close();
  // SQLite opens it to read, and so waits for whoever may write.
  execFileSync('mkfifo', [join(folder, 'cache.sqlite-journal')]);
  const script = `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { setImmediate } from 'node:timers/promises';
    import { DiskStore } from ${JSON.stringify(new URL('./disk-store.ts', import.meta.url).href)};
    const store = new DiskStore(${JSON.stringify(folder)}, 1_000_000);
    const reading = store.get('model:key').catch(({ message }) => message);
    const open = () => readdirSync('/proc/self/fd').some((fd) => {
      try { return readlinkSync('/proc/self/fd/' + fd).endsWith('cache.sqlite'); } catch { return false; }
    });
    while (!open()) await setImmediate();
    await store.disconnect();
    process.stdout.write(await reading, () => process.exit(0));`;
  writeFileSync(join(folder, 'leaving.mjs'), script);
  const run = promisify(execFile)(process.execPath, [join(folder, 'leaving.mjs')], { timeout: 15_000, killSignal: 'SIGINT' });
  await expect(run).rejects.toMatchObject({ stdout: 'the disk tier is closed', signal: 'SIGKILL' });
}, 20_000);

it('knows what is there before anything is written', async () => {
  store = new DiskStore(folder, 1_000_000);
  await store.set('model:key', { value });
  const { bytes } = store;
  await store.disconnect();
  store = new DiskStore(folder, 1_000_000);
  await store.get('model:key');
  expect([store.bytes, store.entries]).toEqual([bytes, 1]);
});

it('frees what is too much by the thousand, so that nobody waits for the rest', async () => {
  store = new DiskStore(folder, 10_000_000);
  const rows = (from: number, count: number): { key: string; value: { value: Buffer } }[] =>
    Array.from({ length: count }, (_, number) => ({ key: `model:${from + number}`, value: { value } }));
  await store.setMany(rows(0, 5000));
  const each = store.bytes / store.entries;
  await store.disconnect();
  const bound = 100 * each;
  store = new DiskStore(folder, bound);
  const left: number[] = [];
  for (let from = 5000; from < 5005; from++) {
    await store.setMany(rows(from, 1));
    left.push(store.entries);
  }
  expect(left.slice(0, 4)).toEqual([4001, 3002, 2003, 1004]);
  expect(store.bytes).toBeLessThanOrEqual(bound);
  expect((await store.getMany(['model:0', 'model:5004'])).map((one) => one !== undefined)).toEqual([false, true]);
});

describe('room of its own', () => {
  const BOUND = 100_000;
  const large = { value: Buffer.alloc(1000) };
  const keys = (scope: string, count: number): string[] => Array.from({ length: count }, (_, number) => `${scope}:${number}`);
  /** Ten at a time. */
  async function write(to: DiskTier, scope: string, count: number): Promise<void> {
    const rows = keys(scope, count).map((key) => ({ key, value: large }));
    for (let from = 0; from < count; from += 10) await to.setMany(rows.slice(from, from + 10));
  }
  const kept = async (of: DiskTier, scope: string, count: number): Promise<number> =>
    (await of.getMany(keys(scope, count))).filter((one) => one !== undefined).length;

  it('is not taken by others, who have what is left of the whole', async () => {
    store = new DiskStore(folder, BOUND);
    store.share('own', 40_000);
    await write(store, 'own', 30);
    for (const scope of ['one', 'other']) await write(store, scope, 300);
    expect(await kept(store, 'own', 30)).toBe(30);
    expect(store.bytes).toBeLessThanOrEqual(BOUND);
    expect(store.bytes).toBeGreaterThan(0.8 * BOUND);
    // Of the others the oldest went first.
    expect([await kept(store, 'one', 300), (await store.getMany(['other:299']))[0]]).toEqual([0, expect.anything()]);
    await write(store, 'own', 300);
    expect(await kept(store, 'own', 300)).toBeLessThanOrEqual(40);
    expect(store.bytes).toBeLessThanOrEqual(BOUND);
  });

  it('is had again by all once it is given up', async () => {
    store = new DiskStore(folder, BOUND);
    store.share('gone', 40_000);
    await write(store, 'gone', 30);
    store.unshare('gone');
    await write(store, 'other', 300);
    expect(await kept(store, 'gone', 30)).toBe(0);
    expect(store.bytes).toBeGreaterThan(0.8 * BOUND);
  });

  it('is not more than the whole: those who were promised more compete for it', async () => {
    store = new DiskStore(folder, BOUND);
    for (const scope of ['one', 'other']) store.share(scope, 80_000);
    for (const scope of ['one', 'other', 'third']) {
      await write(store, scope, 70);
      expect(store.bytes).toBeLessThanOrEqual(BOUND);
    }
    expect(await kept(store, 'other', 70)).toBe(70);
    expect(await kept(store, 'one', 70)).toBeGreaterThan(0);
  });
});
