// A batch that fails: who pays for it, and who hears of it.
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { finish, refusal, settle, setUp, stopTheClock } from '../../test/setup/hand-batcher.js';
import { ask, item, items } from '../../test/soak/hand-runner.js';
import { NestorError } from '../errors.js';

const LOST = new NestorError('WORKER_LOST', 'The worker died');
const REFUSED = new NestorError('INFERENCE_FAILED', 'The model could not run this input', { cause: 'CUDA out of memory' });

stopTheClock();

const warnings: string[] = [];
beforeEach(() => {
  warnings.length = 0;
  Logger.overrideLogger({ log: () => undefined, error: () => undefined, warn: (text: string) => void warnings.push(text) });
});

describe('a batch that fails', () => {
  it('fails the requests in it, whose other items leave, and no other', async () => {
    const { runner, batcher } = setUp();
    ask(batcher, [item(0)]);
    await settle();
    const lost = ask(batcher, items(9, 1));
    const other = ask(batcher, [item(8, 20)]);
    await finish(runner);
    runner.started.at(-1)?.fail(LOST);
    await settle();
    expect(lost).toEqual(refusal('WORKER_LOST'));
    // Four of them were on their way when the first four failed; the ninth never is.
    await finish(runner);
    await finish(runner);
    expect(other.values).toEqual([8]);
    expect([runner.started.length, batcher.idle]).toEqual([4, true]);
  });

  it('because the model refuses it is tried again one by one: only the guilty pays', async () => {
    const { runner, batcher } = setUp();
    ask(batcher, [item(0)]);
    await settle();
    const [good, bad, other] = [ask(batcher, [item(1), item(2)]), ask(batcher, [item(3)]), ask(batcher, [item(4)])];
    await finish(runner);
    expect(runner.started.at(-1)?.inputs[0]?.shape).toEqual([4, 5]);
    runner.started.at(-1)?.fail(REFUSED);
    for (let i = 0; i < 4; i++) {
      await settle();
      const run = runner.started.at(-1);
      expect(run?.inputs[0]?.shape).toEqual([1, 5]);
      if (run?.inputs[0]?.data[0] === 3) run.fail(REFUSED);
      else await finish(runner);
    }
    await settle();
    expect([good.values, bad, other.values]).toEqual([[1, 2], refusal('INFERENCE_FAILED'), [4]]);
    expect([runner.started.length, batcher.idle]).toEqual([6, true]);
  });

  it.each([0, 1])('and is tried again leaves out who has hung up meanwhile, here number %i', async (gone) => {
    const { runner, batcher } = setUp();
    const abort = new AbortController();
    ask(batcher, [item(9)]);
    await settle();
    const outcomes = [0, 1].map((number) => ask(batcher, [item(number)], number === gone ? { signal: abort.signal } : {}));
    await finish(runner);
    abort.abort();
    runner.started.at(-1)?.fail(REFUSED);
    await settle();
    await finish(runner);
    expect(outcomes[1 - gone]?.values).toEqual([1 - gone]);
    expect([runner.started.length, batcher.idle]).toEqual([3, true]);
  });

  it('by anything unforeseen says nothing of it', async () => {
    const { runner, batcher } = setUp();
    const outcome = ask(batcher, [item(0)]);
    await settle();
    runner.started.at(-1)?.fail(new TypeError('secret'));
    await settle();
    expect(outcome).toEqual(refusal('INTERNAL'));
    expect(outcome.error?.message).not.toContain('secret');
    expect(batcher.idle).toBe(true);
  });

  it('by outputs that are not its rows is INFERENCE_FAILED', async () => {
    const { runner, batcher } = setUp();
    const outcome = ask(batcher, [item(0)]);
    await settle();
    runner.started.at(-1)?.finish({ outputs: [{ name: 'x', datatype: 'FP32', shape: [3], data: new Float32Array(3) }], seconds: 0 });
    await settle();
    expect(outcome).toEqual(refusal('INFERENCE_FAILED'));
  });

  it('before it runs fails its requests and not the process, and gives its seat back', async () => {
    const { runner, batcher } = setUp();
    const misfit = ask(batcher, [{ ...item(0), inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 5], data: new Float32Array(99) }] }]);
    await settle();
    expect(misfit).toEqual(refusal('INTERNAL'));
    expect([runner.started.length, runner.left, batcher.idle]).toEqual([0, 1, true]);
  });

  it('for want of any instance to come is MODEL_NOT_READY for all who wait', async () => {
    const { runner, batcher } = setUp();
    ask(batcher, [item(0)]);
    await settle();
    const waiting = [ask(batcher, items(2)), ask(batcher, [item(1)])];
    runner.hopeful = false;
    runner.started.at(-1)?.fail(LOST);
    await settle();
    expect(waiting).toEqual([refusal('MODEL_NOT_READY'), refusal('MODEL_NOT_READY')]);
    expect(batcher.idle).toBe(true);
  });
});

describe('an operator', () => {
  it('hears of batches that the model refuses, why, and once a minute at most, though every client is answered', async () => {
    const { runner, ledger, batcher } = setUp();
    const refuse = async (): Promise<void> => {
      const outcomes = [ask(batcher, [item(1)]), ask(batcher, [item(2)])];
      await settle();
      runner.started.at(-1)?.fail(REFUSED);
      for (let i = 0; i < 2; i++) await finish(runner);
      expect(outcomes).toMatchObject([{ values: [1] }, { values: [2] }]);
    };
    for (let i = 0; i < 3; i++) await refuse();
    expect(ledger.failures).toBe(3);
    expect(warnings).toEqual([expect.stringMatching(/^m\/1: a batch of 2 items failed.*: CUDA out of memory$/)]);
    await jest.advanceTimersByTimeAsync(60_000);
    await refuse();
    expect(warnings[1]).toContain('2 more batches');
  });
});
