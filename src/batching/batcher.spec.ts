// The batcher: what a request gets back, how a batch fails, and when there is nothing left to do.
import { getEventListeners } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { finish, settle, setUp, stopTheClock } from '../../test/setup/hand-batcher.js';
import { ask, item, items, LAYOUT } from '../../test/soak/hand-runner.js';
import { NestorError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import type { Layout } from './layout.js';

const LOST = new NestorError('WORKER_LOST', 'The worker died');

stopTheClock();

describe('a request', () => {
  it('gets the outputs of its items in their order, whichever batches carried them', async () => {
    const { runner, batcher } = setUp();
    const first = ask(batcher, items(6, 3));
    const second = ask(batcher, [item(70, 4), item(71, 3)]);
    for (let i = 0; i < 4; i++) await finish(runner);
    expect(first.values).toEqual([0, 1, 2, 3, 4, 5]);
    expect(second).toMatchObject({ values: [70, 71], lengths: [4, 3] });
    expect(batcher.idle).toBe(true);
  });

  it('travels with whoever came in the same turn of the event loop', async () => {
    const { runner, batcher } = setUp();
    for (const value of [1, 2, 3]) ask(batcher, [item(value)]);
    await settle();
    expect(runner.started.map(({ inputs }) => inputs[0]?.shape)).toEqual([[3, 5]]);
  });

  it('of many bytes travels alone', async () => {
    const { runner, batcher } = setUp({ aloneFromBytes: 10 * Float32Array.BYTES_PER_ELEMENT });
    const small = [item(1), item(2)].map((one) => ask(batcher, [one]));
    const large = ask(batcher, [item(3, 10)]);
    for (let i = 0; i < 2; i++) await finish(runner);
    await settle();
    expect(runner.started.map(({ inputs }) => inputs[0]?.shape[0]).sort()).toEqual([1, 2]);
    expect([...small, large]).toMatchObject([{ values: [1] }, { values: [2] }, { values: [3] }]);
  });

  it('is not held by the signal of whoever asks again and again', async () => {
    const { runner, batcher } = setUp();
    const { signal } = new AbortController();
    const outcomes = [ask(batcher, [item(1)], { signal }), ask(batcher, [item(2)], { signal, deadline: performance.now() + 5 })];
    await settle();
    const third = ask(batcher, [item(3)], { signal, deadline: performance.now() + 5 });
    await finish(runner, 10);
    expect([...outcomes, third]).toMatchObject([
      { values: [1] },
      { error: { code: 'DEADLINE_EXCEEDED' } },
      { error: { code: 'DEADLINE_EXCEEDED' } },
    ]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('that is empty has an empty answer', async () => {
    const { batcher } = setUp();
    await expect(batcher.submit([], { outputs: [] })).resolves.toMatchObject({ outputs: [] });
  });

  it('keeps what it wants of its outputs as they come, and no more', async () => {
    const { runner, batcher } = setUp({ maxRows: 1 });
    const came: unknown[] = [];
    const keep = ([tensor]: readonly Tensor[]): Tensor[] => {
      came.push(tensor?.data[0]);
      return [{ name: 'x', datatype: 'FP32', shape: [1], data: Float32Array.of(10 + Number(tensor?.data[0])) }];
    };
    const outcome = ask(batcher, items(2), { keep });
    await finish(runner);
    expect(came).toEqual([0]);
    await finish(runner);
    await settle();
    expect(outcome).toMatchObject({ values: [10, 11], lengths: [1, 1] });
  });

  it('that can make nothing of its outputs fails alone', async () => {
    const { runner, batcher } = setUp();
    const keep = (): never => {
      throw new TypeError('Cannot mix BigInt and other types');
    };
    const [odd, mate] = [ask(batcher, [item(1)], { keep }), ask(batcher, [item(2)])];
    await finish(runner);
    await settle();
    expect(runner.started).toHaveLength(1);
    expect([odd, mate]).toMatchObject([{ error: { code: 'INTERNAL' } }, { values: [2] }]);
    expect(batcher.idle).toBe(true);
  });

  it('whose outputs become more than may be had at once fails alone, and what is left of it does not run', async () => {
    const { runner, batcher } = setUp({ maxRows: 2 });
    // Of each item 640 MiB, which the signature need not have said.
    const part: Tensor = { name: 'x', datatype: 'UINT8', shape: [1, 2 ** 24], data: new Uint8Array(2 ** 24) };
    const keep = (): Tensor[] => Array.from({ length: 40 }, () => part);
    const large = ask(batcher, items(6), { keep });
    await finish(runner);
    const mate = ask(batcher, [item(7)]);
    for (let i = 0; i < 3; i++) await finish(runner);
    expect(large).toMatchObject({ error: { code: 'PAYLOAD_TOO_LARGE', field: 'outputs' } });
    expect(mate.values).toEqual([7]);
    expect(runner.started.length).toBeLessThan(4);
    expect(batcher.idle).toBe(true);
  });

  it('hears how long it waited and ran', async () => {
    const { runner, batcher } = setUp({ maxRows: 1 });
    const outcome = ask(batcher, items(2));
    await finish(runner, 30);
    await finish(runner, 10);
    await settle();
    expect(outcome).toMatchObject({ queueSeconds: 0.03, inferenceSeconds: 0.03 });
  });

  it('computes the outputs it asked for, beside those only who asked for the same', async () => {
    const { runner, batcher } = setUp();
    ask(batcher, [item(0)]);
    await settle();
    ask(batcher, [item(1)], { outputs: ['x'] });
    ask(batcher, [item(2)], { outputs: ['y'] });
    ask(batcher, [item(3)], { outputs: ['x'] });
    for (let i = 0; i < 3; i++) await finish(runner);
    expect(runner.started.map(({ fetches, inputs }) => [fetches[0], inputs[0]?.shape[0]])).toEqual([
      ['x', 1],
      ['x', 2],
      ['y', 1],
    ]);
  });

  it('of a model that does not batch travels alone', async () => {
    const { runner, batcher } = setUp({}, { batches: false, paddedInputs: new Map(), paddedOutputs: new Set() });
    const outcomes = Array.from({ length: 4 }, (_, value) => ask(batcher, [{ ...item(value, 1), kind: '' }]));
    for (let i = 0; i < 4; i++) await finish(runner);
    expect(outcomes.map(({ values }) => values)).toEqual([[0], [1], [2], [3]]);
  });

  it('that has the queue to itself says so to the runner', async () => {
    const { runner, batcher } = setUp();
    ask(batcher, [item(0)]);
    await settle();
    ask(batcher, items(2));
    await settle();
    expect(runner.loneAsked.slice(0, 2)).toEqual([true, false]);
  });
});

describe('maxDelayMs', () => {
  it('lets a batch that is not full wait for company, and no longer', async () => {
    const { runner, batcher } = setUp({ maxDelayMs: 20 });
    ask(batcher, [item(0)]);
    await settle();
    await jest.advanceTimersByTimeAsync(10);
    ask(batcher, [item(1)]);
    await jest.advanceTimersByTimeAsync(9);
    expect(runner.started).toHaveLength(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(runner.started[0]?.inputs[0]?.shape).toEqual([2, 5]);
  });

  it('does not hold what can have no company', async () => {
    const { runner, batcher } = setUp({ maxDelayMs: 20, aloneFromBytes: 10 * Float32Array.BYTES_PER_ELEMENT });
    ask(batcher, [item(0, 10)]);
    await settle();
    expect(runner.started[0]?.inputs[0]?.shape).toEqual([1, 10]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not hold what can have no company behind something that waits for it', async () => {
    const { runner, batcher } = setUp({ maxDelayMs: 20, aloneFromBytes: 10 * Float32Array.BYTES_PER_ELEMENT });
    runner.seats = 2;
    ask(batcher, [item(0)]);
    await jest.advanceTimersByTimeAsync(1);
    expect(runner.started).toHaveLength(0);
    ask(batcher, [item(1, 10)]);
    await settle();
    expect(runner.started.map(({ inputs }) => inputs[0]?.shape)).toEqual([
      [1, 5],
      [1, 10],
    ]);
  });

  it('leaves half of the time to the first deadline for the run', async () => {
    const { runner, batcher } = setUp({ maxDelayMs: 100 });
    ask(batcher, [item(0)]);
    await jest.advanceTimersByTimeAsync(1);
    const urgent = ask(batcher, [item(1)], { deadline: performance.now() + 50 });
    await jest.advanceTimersByTimeAsync(24);
    expect(runner.started).toHaveLength(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(runner.started[0]?.inputs[0]?.shape).toEqual([2, 5]);
    await finish(runner, 3);
    expect(urgent.values).toEqual([1]);
  });

  it('is not cut short by someone in a hurry who has gone away', async () => {
    const { runner, batcher } = setUp({ maxDelayMs: 20 });
    const abort = new AbortController();
    ask(batcher, [item(0)]);
    ask(batcher, [item(1)], { deadline: performance.now() + 10, signal: abort.signal });
    await settle();
    abort.abort();
    await jest.advanceTimersByTimeAsync(19);
    expect(runner.started).toHaveLength(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(runner.started[0]?.inputs[0]?.shape).toEqual([1, 5]);
  });

  it.each([
    [4, 1],
    [2, 20],
  ])('does not hold a batch that is full: %i of %i tokens', async (count, length) => {
    const { runner, batcher } = setUp({ maxDelayMs: 20 });
    ask(batcher, items(count, length));
    await settle();
    expect(runner.started[0]?.inputs[0]?.shape).toEqual([count, length]);
  });
});

describe('drained', () => {
  it('waits for what waits and what runs', async () => {
    const { runner, batcher } = setUp();
    await batcher.drained();
    ask(batcher, items(8, 1));
    const drained = jest.fn();
    void batcher.drained().then(drained);
    await finish(runner);
    expect(drained).not.toHaveBeenCalled();
    await finish(runner);
    expect(drained).toHaveBeenCalledTimes(1);
  });

  it('comes too when the last who waited hangs up or the last batch fails', async () => {
    for (const end of ['abort', 'fail'] as const) {
      const { runner, batcher } = setUp();
      const abort = new AbortController();
      ask(batcher, [item(0)], { signal: abort.signal });
      await settle();
      const drained = jest.fn();
      void batcher.drained().then(drained);
      if (end === 'abort') abort.abort();
      runner.started.at(-1)?.fail(LOST);
      await settle();
      expect(drained).toHaveBeenCalledTimes(1);
    }
  });
});

describe('cores that come while the queue asks for some', () => {
  it('are used, and nothing runs where they have emptied it', async () => {
    const sharing: Layout = { ...LAYOUT, segmentsBy: 'x' };
    const { runner, ledger, batcher } = setUp({}, sharing);
    const seat = runner.seat.bind(runner);
    let nested = false;
    runner.seats = 2;
    runner.seat = (lone) => {
      if (!nested) {
        nested = true;
        batcher.pump();
      }
      return seat(lone);
    };
    const outcome = ask(batcher, [item(7)]);
    const drained = jest.fn();
    void batcher.drained().then(drained);
    await finish(runner);
    expect(outcome.values).toEqual([7]);
    expect(drained).toHaveBeenCalledTimes(1);
    expect([runner.started.length, runner.left, ledger.failures]).toEqual([1, 1, 0]);
  });
});

describe('metrics', () => {
  it('say how long items waited, what travelled, how much of it was padding, how long it ran', async () => {
    const { runner, ledger, batcher } = setUp({ maxRows: 2 });
    ask(batcher, [item(0, 4)]);
    await settle();
    ask(batcher, [item(0, 4), item(0, 2)]);
    await settle();
    expect(ledger.waiting).toBe(2);
    await finish(runner, 10);
    await finish(runner, 20);
    expect(ledger.waiting).toBe(0);
    expect(ledger.waits).toEqual([0, 0.01, 0.01]);
    expect(ledger.batches).toEqual([
      [1, 0],
      [2, 0.25],
    ]);
    expect(ledger.inferences).toEqual([0.01, 0.02]);
    // 10 tokens in 30 ms, where the older half counts a little less: the second was full and had left before the first was accounted for.
    expect(ledger.drainRate).toBeCloseTo(10 / 0.03, 0);
  });
});
