// Remembered, joined or computed: what is computed how often, for whom.
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Desk, policy } from '../../test/setup/cache-desk.js';
import { NestorError } from '../errors.js';
import type { Recalled } from './cache.service.js';
import type { CachePolicy } from './options.js';

const sources = (recalled: readonly Recalled<string>[]): string[] => recalled.map(({ value, source }) => `${value} ${source}`);

let desk: Desk;
beforeEach(() => {
  desk = new Desk();
});
afterEach(() => desk.cache.clear());

describe('remembering', () => {
  it('computes what is missing, and only that', async () => {
    await desk.ask(['a', 'b']);
    expect(sources(await desk.ask(['a', 'c', 'b', 'd']))).toEqual(['A memory', 'C computed', 'B memory', 'D computed']);
    expect(desk.computed).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('computes equal inputs of one request once', async () => {
    expect(sources(await desk.ask(['a', 'b', 'a']))).toEqual(['A computed', 'B computed', 'A computed']);
    expect(desk.computed).toEqual([['a', 'b']]);
  });

  it('does not remember failures', async () => {
    const open = desk.close();
    const asked = desk.ask(['a']);
    await setImmediate();
    open(new NestorError('INFERENCE_FAILED', 'no'));
    await expect(asked).rejects.toMatchObject({ code: 'INFERENCE_FAILED' });
    expect(sources(await desk.ask(['a']))).toEqual(['A computed']);
  });

  it('computes anew for who wants it fresh, and remembers that', async () => {
    await desk.ask(['a']);
    expect(sources(await desk.ask(['a'], { mode: 'refresh' }))).toEqual(['A computed']);
    expect(sources(await desk.ask(['a']))).toEqual(['A memory']);
    await desk.ask(['b'], { mode: 'refresh' });
    expect(sources(await desk.ask(['b']))).toEqual(['B memory']);
  });

  it('gives up the room of models that are gone, so that one that is loaded again and again takes no more', async () => {
    desk.cache.follow(() => new Set(['m7', 'other']));
    const share = (scope: string): CachePolicy => ({ ...policy, scope, shares: { memory: 100_000 } });
    for (const scope of ['other', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7']) await desk.ask([`${scope}:a`], { policy: share(scope) });
    expect(desk.store.entries).toBe(2);
    expect(sources(await desk.ask(['other:a'], { policy: share('other') }))).toEqual(['OTHER:A memory']);
  });

  it('leaves no trace of who wants none', async () => {
    await desk.ask(['a'], { mode: 'bypass' });
    expect(desk.store.entries).toBe(0);
    expect(sources(await desk.ask(['a']))).toEqual(['A computed']);
  });

  it('forgets when it is told to, all or one model', async () => {
    await desk.ask(['model:a', 'other:a']);
    await desk.cache.clear('model');
    expect(sources(await desk.ask(['model:a', 'other:a']))).toEqual(['MODEL:A computed', 'OTHER:A memory']);
    await desk.cache.clear();
    expect(desk.store.entries).toBe(0);
  });

  it('forgets when the time of the model is over', async () => {
    const hasty = { ...policy, ttlMs: 5 };
    await desk.ask(['a'], { policy: hasty });
    const end = Date.now() + 5;
    while (Date.now() < end) await setImmediate();
    expect(sources(await desk.ask(['a'], { policy: hasty }))).toEqual(['A computed']);
  });
});

describe('equal requests at one time', () => {
  it('run once', async () => {
    const open = desk.close();
    const asked = Array.from({ length: 64 }, () => desk.ask(['a']));
    open();
    const answers = (await Promise.all(asked)).map((recalled) => sources(recalled)[0]);
    expect(desk.computed).toEqual([['a']]);
    expect(answers).toEqual(['A computed', ...Array<string>(63).fill('A coalesced')]);
  });

  it('run once where they overlap', async () => {
    const open = desk.close();
    const asked = [desk.ask(['a', 'b']), desk.ask(['b', 'c']), desk.ask(['c', 'a', 'd'])];
    open();
    const [, second, third] = await Promise.all(asked);
    expect(sources(second ?? [])).toEqual(['B coalesced', 'C computed']);
    expect(sources(third ?? [])).toEqual(['C coalesced', 'A coalesced', 'D computed']);
    expect(desk.computed).toEqual([['a', 'b'], ['c'], ['d']]);
  });

  it('do not make one text wait for an array of which it is a small part', async () => {
    const open = desk.close();
    const texts = 'a b c d e f g h i'.split(' ');
    const array = desk.ask(texts);
    await setImmediate();
    desk.gate = Promise.resolve();
    expect(sources(await desk.ask(['e']))).toEqual(['E computed']);
    desk.close();
    const same = desk.ask(texts);
    open();
    expect(sources(await same)).toEqual(texts.map((text) => `${text.toUpperCase()} ${text === 'e' ? 'memory' : 'coalesced'}`));
    await array;
    expect(desk.computed).toHaveLength(2);
  });

  it('go on when the first of them leaves', async () => {
    const open = desk.close();
    const leader = new AbortController();
    const first = desk.ask(['a'], { signal: leader.signal });
    const second = desk.ask(['a']);
    await setImmediate();
    leader.abort();
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
    open();
    expect(sources(await second)).toEqual(['A coalesced']);
    expect(desk.computed).toEqual([['a']]);
  });

  it('keep the model of the first from ending for as long as anybody waits', async () => {
    let holders = 0;
    const hold = (): (() => void) => {
      holders += 1;
      return () => void (holders -= 1);
    };
    const open = desk.close();
    const first = new AbortController();
    const asked = [desk.ask(['a'], { signal: first.signal, hold }), desk.ask(['a'])];
    first.abort();
    await expect(asked[0]).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(holders).toBe(1);
    open();
    expect(sources((await asked[1]) ?? [])).toEqual(['A coalesced']);
    expect(holders).toBe(0);
  });

  it('end when all of them leave', async () => {
    desk.close();
    const all = [new AbortController(), new AbortController()];
    const asked = all.map(({ signal }) => desk.ask(['a'], { signal }));
    await setImmediate();
    for (const one of all) one.abort();
    await Promise.allSettled(asked);
    expect(desk.signals.map((signal) => signal?.aborted)).toEqual([true]);
    expect(sources(await new Desk().ask(['a']))).toEqual(['A computed']);
  });

  it('share a failure that would have met each of them', async () => {
    const open = desk.close();
    const asked = [desk.ask(['a']), desk.ask(['a'])];
    await setImmediate();
    open(new NestorError('INFERENCE_FAILED', 'no'));
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(desk.computed).toHaveLength(1);
  });

  it.each([[['a']], [['a', 'b']]])('are refused at once where there is no room for the first of them: %j', async (keys) => {
    const open = desk.close();
    const asked = Array.from({ length: 8 }, () => desk.ask(keys));
    const more = desk.ask([...keys, 'c']);
    await setImmediate();
    open(new NestorError('QUEUE_FULL', 'no room'));
    for (const outcome of await Promise.allSettled([...asked, more]))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'QUEUE_FULL' } });
    expect(desk.computed).toEqual([keys, ['c']]);
  });

  it('try for themselves where what failed was for more than they ask', async () => {
    const open = desk.close();
    const [both, one] = [desk.ask(['a', 'b']), desk.ask(['b'])];
    await setImmediate();
    open(new NestorError('INFERENCE_FAILED', 'no'));
    await expect(both).rejects.toMatchObject({ code: 'INFERENCE_FAILED' });
    expect(sources(await one)).toEqual(['B computed']);
  });

  it('do not share the deadline of the first', async () => {
    const open = desk.close();
    const asked = [desk.ask(['a']), desk.ask(['a']), desk.ask(['a'])];
    await setImmediate();
    open(new NestorError('DEADLINE_EXCEEDED', 'not you'));
    const [first, ...others] = await Promise.allSettled(asked);
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'DEADLINE_EXCEEDED' } });
    expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    // One of them led, the other joined.
    expect(desk.computed).toHaveLength(2);
  });

  it('do not wait for one that is less urgent', async () => {
    const open = desk.close();
    const patient = desk.ask(['a'], { urgency: 7 });
    await setImmediate();
    desk.gate = Promise.resolve();
    expect(sources(await desk.ask(['a'], { urgency: 0 }))).toEqual(['A computed']);
    open();
    await patient;
    expect(desk.computed).toHaveLength(2);
  });

  it('of two tenants do not wait for each other, though each waits for its own', async () => {
    const open = desk.close();
    const asked = ['one', 'two', 'one', 'two'].map((tenant) => desk.ask(['a'], { tenant }));
    await setImmediate();
    expect(desk.computed).toEqual([['a'], ['a']]);
    open();
    expect((await Promise.all(asked)).map(sources)).toEqual([['A computed'], ['A computed'], ['A coalesced'], ['A coalesced']]);
    expect(sources(await desk.ask(['a'], { tenant: 'three' }))).toEqual(['A memory']);
  });

  it('are not joined by who wants it fresh', async () => {
    const open = desk.close();
    const asked = [desk.ask(['a']), desk.ask(['a'], { mode: 'refresh' })];
    await setImmediate();
    open();
    await Promise.all(asked);
    expect(desk.computed).toHaveLength(2);
  });
});
