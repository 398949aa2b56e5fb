// The memory tier keeps its bound, and the shares of models theirs.
import { expect, it } from '@jest/globals';
import { MemoryStore } from './memory-store.js';

const entry = (bytes: number): { value: Uint8Array; expires: undefined } => ({ value: new Uint8Array(bytes), expires: undefined });

it('never holds more than it may, and forgets what was not used for longest', async () => {
  const store = new MemoryStore(100_000);
  for (let index = 0; index < 500; index++) {
    await store.set(`m:${index}`, entry(1000));
    await store.get('m:0');
    expect(store.bytes).toBeLessThanOrEqual(100_000);
  }
  expect(store.entries).toBeGreaterThan(50);
  expect(await store.get('m:0')).toBeDefined();
  expect(await store.get('m:1')).toBeUndefined();
  expect(await store.get('m:499')).toBeDefined();
});

it('does not take a value that would drive out many others', async () => {
  const store = new MemoryStore(100_000);
  await store.set('m:small', entry(1000));
  await store.set('m:large', entry(50_000));
  expect(await store.getMany(['m:small', 'm:large'])).toEqual([entry(1000), undefined]);
});

it('gives a model room of its own, that others cannot take', async () => {
  const store = new MemoryStore(50_000);
  store.share('own', 20_000);
  await store.set('own:a', entry(1000));
  for (let index = 0; index < 500; index++) await store.set(`m:${index}`, entry(1000));
  expect(await store.get('own:a')).toBeDefined();
  for (let index = 0; index < 500; index++) await store.set(`own:${index}`, entry(1000));
  expect(store.bytes).toBeLessThanOrEqual(70_000);
  await store.clearScope('own');
  expect(await store.get('own:499')).toBeUndefined();
  expect(await store.get('m:499')).toBeDefined();
});

it('gives the room of a model up with what is in it', async () => {
  const store = new MemoryStore(50_000);
  store.share('gone', 20_000);
  await store.set('gone:a', entry(1000));
  store.unshare('gone');
  expect([await store.get('gone:a'), store.bytes]).toEqual([undefined, 0]);
});

it('keeps values in memory of their own, not in what small buffers share', async () => {
  const store = new MemoryStore(50_000);
  const shared = Buffer.from('a small value');
  expect(shared.buffer.byteLength).toBeGreaterThan(shared.byteLength);
  await store.set('m:a', { value: shared, expires: 5 });
  const [kept] = (await store.getMany(['m:a'])) as { value: Uint8Array }[];
  expect(kept).toEqual({ value: shared, expires: 5 });
  expect(kept?.value.buffer.byteLength).toBe(shared.byteLength);
});
