// A tier never fails and never takes longer than its time, whatever its store does.
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Keyv } from 'keyv';
import { Registry } from 'prom-client';
import { CacheMetrics } from '../telemetry/cache-metrics.js';
import { Metrics } from '../telemetry/metrics.js';
import type { Level } from './level.js';
import { Tier, type TierState } from './tier.js';

/** A store that does what it is told. */
class Moody {
  readonly opts = {};
  readonly held = new Map<string, unknown>();
  mood: 'well' | 'failing' | 'hanging' = 'well';
  asked = 0;
  /** Keys that were asked for at once. */
  readonly sizes: number[] = [];
  /** Most values that were being written at once. */
  most = 0;
  #writing = 0;

  get(key: string): Promise<unknown> {
    return this.#do(() => this.held.get(key));
  }
  getMany(keys: string[]): Promise<unknown[]> {
    this.sizes.push(keys.length);
    return this.#do(() => keys.map((key) => this.held.get(key)));
  }
  async set(key: string, value: unknown): Promise<unknown> {
    this.most = Math.max(this.most, ++this.#writing);
    const done = await this.#do(() => this.held.set(key, value));
    this.#writing--;
    return done;
  }
  delete(): Promise<boolean> {
    return Promise.resolve(true);
  }
  clear(): Promise<void> {
    return Promise.resolve();
  }
  clearScope(): Promise<void> {
    return Promise.resolve();
  }

  #do<R>(work: () => R): Promise<R> {
    this.asked++;
    if (this.mood === 'hanging') return new Promise(() => undefined);
    return this.mood === 'failing' ? Promise.reject(new Error('the store fails')) : Promise.resolve(work());
  }
}

const text: Level<string> = {
  name: 'text',
  encode: (value) => Buffer.from(value),
  sizeOf: ({ length }) => length,
  decode: (bytes) => {
    if (bytes.byteLength === 0) throw new RangeError('a text has bytes');
    return Buffer.from(bytes).toString();
  },
};
const entry = { value: Buffer.from('value'), expires: undefined };
const open: Tier[] = [];
afterEach(() => Promise.all(open.splice(0).map((tier) => tier.close())));

function tierOf(store: Moody, timeoutMs = 20): { tier: Tier; states: TierState[]; registry: Registry } {
  const registry = new Registry();
  const states: TierState[] = [];
  const keyv = new Keyv({
    store: store as never,
    serialize: undefined,
    deserialize: undefined,
    useKeyPrefix: false,
    throwOnErrors: true,
  } as never);
  const guard = { timeoutMs, onChange: (state: TierState) => states.push(state) };
  const tier = new Tier('redis', keyv, store, new CacheMetrics(new Metrics(registry)), guard);
  open.push(tier);
  return { tier, states, registry };
}

describe('a tier', () => {
  it('gives back what was written, and nothing for the rest', async () => {
    const { tier } = tierOf(new Moody());
    await tier.write('text', [{ key: 'a', entry }]);
    expect((await tier.read(text, ['a', 'b'])).map((found) => found?.value)).toEqual(['value', undefined]);
  });

  it('is asked for many keys, and given many values, in pieces', async () => {
    const store = new Moody();
    const { tier } = tierOf(store, 1000);
    const keys = Array.from({ length: 2500 }, (_, number) => String(number));
    await tier.write('text', keys.map((key) => ({ key, entry }))); // prettier-ignore
    expect((await tier.read(text, keys)).map((found) => found?.value)).toEqual(keys.map(() => 'value'));
    expect([store.most, store.sizes]).toEqual([1000, [1000, 1000, 500]]);
    store.mood = 'failing';
    expect(await tier.read(text, keys)).toEqual([]);
    expect(store.sizes).toHaveLength(4);
  });

  it.each(['failing', 'hanging'] as const)('%s makes misses, and is left alone after a while', async (mood) => {
    const store = new Moody();
    const { tier, states } = tierOf(store, 5);
    store.mood = mood;
    for (let call = 0; call < 20; call++) {
      expect(await tier.read(text, ['a'])).toEqual([]);
      await Promise.race([tier.write('text', [{ key: 'a', entry }]), setTimeout(0)]);
    }
    expect(tier.state).toMatchObject({ tier: 'redis', state: 'down' });
    expect(states[0]).toMatchObject({ state: 'down', reason: mood === 'failing' ? 'the store fails' : expect.stringContaining('5ms') });
    const { asked } = store;
    await tier.read(text, ['a']);
    expect(store.asked).toBe(asked);
  });

  it('takes what is not sealed for a miss', async () => {
    const store = new Moody();
    const { tier } = tierOf(store);
    store.held.set('a', { value: Buffer.from('garbage') });
    expect(await tier.read(text, ['a'])).toEqual([undefined]);
    expect(tier.state).toEqual({ tier: 'redis', state: 'up' });
  });

  it('takes what is sealed and cannot be read for a miss, and counts it', async () => {
    const { tier, registry } = tierOf(new Moody());
    await tier.write('text', [
      { key: 'a', entry: { ...entry, value: Buffer.alloc(0) } },
      { key: 'b', entry },
    ]);
    expect((await tier.read(text, ['a', 'b'])).map((found) => found?.value)).toEqual([undefined, 'value']);
    const metrics = await registry.metrics();
    expect(metrics).toMatch(/^nestor_cache_garbage_total\{tier="redis"\} 1$/m);
    expect(metrics).toMatch(/^nestor_cache_requests_total\{tier="redis",level="text",result="miss"\} 1$/m);
    expect(tier.state).toEqual({ tier: 'redis', state: 'up' });
  });

  it('forgets what has expired, though its store does not', async () => {
    const { tier } = tierOf(new Moody());
    await tier.write('text', [{ key: 'a', entry: { ...entry, expires: Date.now() - 1 } }]);
    expect(await tier.read(text, ['a'])).toEqual([undefined]);
  });
});
