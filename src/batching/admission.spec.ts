// The batcher at its door: who is admitted, and how a request leaves before its time.
import { describe, expect, it, jest } from '@jest/globals';
import { finish, refusal, settle, setUp, stopTheClock } from '../../test/setup/hand-batcher.js';
import { ask, item, items } from '../../test/soak/hand-runner.js';
import type { NestorError } from '../errors.js';

stopTheClock();

describe('admission', () => {
  it('refuses at once, counting what waits in items and in tokens', async () => {
    for (const [count, length] of [
      [9, 2],
      [3, 30],
    ] as const) {
      const { batcher } = setUp();
      ask(batcher, [item(0)]);
      await settle();
      ask(batcher, items(count, length));
      const late = ask(batcher, items(2, 10));
      await settle();
      expect(late).toEqual(refusal('QUEUE_FULL'));
    }
  });

  it('tells when to come back: when the queue will have drained far enough, at the rate that was measured', async () => {
    const { runner, batcher } = setUp({ maxRows: 1 });
    ask(batcher, [item(0, 10)]);
    await settle();
    await finish(runner, 2000);
    ask(batcher, [item(0, 10)]);
    await settle();
    ask(batcher, items(9, 10));
    const late = ask(batcher, items(3, 10));
    await settle();
    // 90 tokens wait and 30 come: 20 too many, at 5 tokens a second.
    expect(late.error?.retryAfter).toBe(4);
  });

  it('sends those who find no room back no faster than the queue drains, within half a minute', async () => {
    const { runner, batcher } = setUp({ maxRows: 1 });
    ask(batcher, [item(0, 10)]);
    await settle();
    await finish(runner, 100);
    ask(batcher, items(10, 10));
    await settle();
    // Each is a fifth of a second's work, and all come at once.
    const late = Array.from({ length: 75 }, () => ask(batcher, items(2, 10)));
    await settle();
    const told = late.map(({ error }) => error?.retryAfter ?? NaN);
    for (let second = 1; second <= 20; second += 3)
      expect(told.filter((each) => each >= second && each < second + 3).length).toBeLessThanOrEqual(3 * 5 + 3);
    expect(told.reduce((sum, each) => sum + each, 0) / 75).toBeCloseTo(8, 0);
    const later = Array.from({ length: 300 }, () => ask(batcher, items(2, 10)));
    await settle();
    // The line is as long as may be: whoever comes is spread over the rest of half a minute.
    const seconds = later.slice(100).map(({ error }) => error?.retryAfter ?? NaN);
    for (const from of [11, 18, 24]) expect(seconds.filter((each) => each >= from && each < from + 7).length).toBeGreaterThan(55);
    expect(Math.max(...seconds)).toBeLessThanOrEqual(30);
  });

  it('takes texts that nobody has looked at for such as wait', async () => {
    const told: (number | undefined)[][] = [[], []];
    for (const [index, tokens] of [2, 20].entries()) {
      const { runner, batcher } = setUp({ maxRows: 1 });
      ask(batcher, [item(0, 10)]);
      await settle();
      await finish(runner, 2000);
      ask(batcher, items(10, 10));
      await settle();
      for (let late = 0; late < 3; late++)
        try {
          batcher.admit(2, tokens, {});
        } catch (thrown) {
          told[index]?.push((thrown as NestorError).retryAfter);
        }
    }
    expect(told[0]).toEqual(told[1]);
    expect(told[0]).toHaveLength(3);
  });

  it('does not count the time in which there was nothing to do, however the queue became empty', async () => {
    const { runner, batcher } = setUp({ maxRows: 1 });
    const abort = new AbortController();
    ask(batcher, items(2, 10), { signal: abort.signal });
    await finish(runner, 1000);
    runner.seats = 0;
    await finish(runner, 1000);
    ask(batcher, [item(0)], { signal: abort.signal });
    await settle();
    abort.abort();
    await jest.advanceTimersByTimeAsync(3_600_000);
    runner.seats = 1;
    ask(batcher, [item(0, 10)]);
    await settle();
    await finish(runner, 1000);
    ask(batcher, [item(0, 10)]);
    await settle();
    ask(batcher, items(10, 10));
    const late = ask(batcher, [item(0, 10)]);
    await settle();
    expect(late.error?.retryAfter).toBe(1);
  });

  it('lets a tenant in that has nothing waiting, or less than its share of the room, however full others have made the queue', async () => {
    const { batcher } = setUp({ maxRows: 1 });
    const [flood, other] = [{ name: 'flood', weight: 1 }, { name: 'other', weight: 3 }]; // prettier-ignore
    ask(batcher, [item(0)], { share: flood });
    await settle();
    const outcomes = [
      ask(batcher, items(10, 10), { share: flood }),
      // As much as there is room for altogether, but nothing of its own waits.
      ask(batcher, items(5, 10), { share: other }),
      // Three quarters of the room are its own.
      ask(batcher, items(2, 10), { share: other }),
      ask(batcher, items(1, 10), { share: other }),
      ask(batcher, items(1, 10), { share: flood }),
    ];
    await settle();
    expect(outcomes).toEqual([{}, {}, {}, refusal('QUEUE_FULL'), refusal('QUEUE_FULL')]);
  });

  it('tells each tenant its own turn: one that is sent away often does not send others away for longer', async () => {
    const { runner, batcher } = setUp({ maxRows: 1 });
    const [flood, other] = [{ name: 'flood', weight: 1 }, { name: 'other', weight: 1 }]; // prettier-ignore
    ask(batcher, [item(0, 10)], { share: flood });
    await settle();
    await finish(runner, 2000);
    ask(batcher, items(10, 10), { share: flood });
    await settle();
    const sentAway = Array.from({ length: 8 }, () => ask(batcher, items(2, 10), { share: flood }));
    ask(batcher, items(5, 10), { share: other });
    const late = ask(batcher, items(1, 10), { share: other });
    await settle();
    expect(sentAway.at(-1)?.error?.retryAfter).toBeGreaterThan(20);
    // It is 10 tokens beyond its half of the room, which drains at half of 5 tokens a second.
    expect(late.error?.retryAfter).toBe(4);
  });

  it('is not for what the server asks of itself', async () => {
    const { runner, batcher } = setUp({ maxQueueItems: 2, maxRows: 3 });
    const own = ask(batcher, items(3), { unlimited: true });
    await finish(runner);
    await finish(runner);
    expect(own.values).toEqual([0, 1, 2]);
  });

  it('refuses for good what could never wait here', async () => {
    const { batcher } = setUp();
    const outcomes = [ask(batcher, items(11, 1)), ask(batcher, items(2, 51))];
    await settle();
    expect(outcomes).toEqual([refusal('PAYLOAD_TOO_LARGE'), refusal('PAYLOAD_TOO_LARGE')]);
  });

  it('refuses a deadline that the queue would not meet, and takes one that it would', async () => {
    const { runner, batcher } = setUp({ maxRows: 1, maxQueueTokens: 1000 });
    ask(batcher, [item(0, 10)]);
    await settle();
    await finish(runner, 1000);
    ask(batcher, [item(0, 10)]);
    await settle();
    ask(batcher, [item(0, 10)]);
    await settle();
    const [tight, wide] = [5, 5000].map((ms) => ask(batcher, [item(1, 10)], { deadline: performance.now() + ms }));
    await settle();
    expect(tight).toEqual(refusal('DEADLINE_EXCEEDED'));
    expect(wide).toEqual({});
  });

  it('counts against a deadline what is due before it: what is less urgent is not, and of what is more urgent all that is', async () => {
    const { runner, batcher } = setUp({ maxQueueTokens: 1000 });
    ask(batcher, [item(0, 40)]);
    await settle();
    await finish(runner, 4000);
    for (let value = 0; value < 10; value++) ask(batcher, [item(value, 10)]);
    await settle();
    const [urgent, usual, last] = [
      ask(batcher, [item(1, 10)], { urgency: 0, deadline: performance.now() + 500 }),
      ask(batcher, [item(1, 10)], { deadline: performance.now() + 500 }),
      ask(batcher, [item(1, 1)], { urgency: 7, deadline: performance.now() + 1000 }),
    ];
    await settle();
    expect(urgent).toEqual({});
    expect([usual, last]).toEqual([refusal('DEADLINE_EXCEEDED'), refusal('DEADLINE_EXCEEDED')]);
    await finish(runner, 1);
    await finish(runner, 1);
    expect(urgent.values).toEqual([1]);
  });

  it('does not take the pace of a quiet hour for that of a queue', async () => {
    const { runner, batcher } = setUp({ maxQueueTokens: 1000 });
    for (let lone = 0; lone < 10; lone++) {
      ask(batcher, [item(0, 1)]);
      await finish(runner, 1000);
    }
    ask(batcher, items(10, 10));
    await settle();
    const hurried = ask(batcher, [item(1, 10)], { deadline: performance.now() + 5000 });
    await settle();
    expect(hurried).toEqual({});
  });

  it('is closed while there is no prospect of an instance', async () => {
    const { runner, batcher } = setUp();
    runner.hopeful = false;
    const outcome = ask(batcher, [item(0)]);
    await settle();
    expect(outcome).toEqual(refusal('MODEL_NOT_READY'));
  });
});

describe('leaving early', () => {
  it('before: a request whose client is gone is not queued', async () => {
    const { ledger, batcher } = setUp();
    const outcome = ask(batcher, [item(0)], { signal: AbortSignal.abort() });
    await settle();
    expect(outcome).toEqual(refusal('CANCELLED'));
    expect([batcher.idle, ledger.waits]).toEqual([true, []]);
  });

  it('while it waits: its items go, those of others run', async () => {
    const { runner, ledger, batcher } = setUp();
    const abort = new AbortController();
    ask(batcher, [item(0)]);
    await settle();
    const gone = ask(batcher, items(3), { signal: abort.signal });
    const stays = ask(batcher, [item(9, 1)]);
    abort.abort();
    await settle();
    expect(gone).toEqual(refusal('CANCELLED'));
    expect(ledger.waiting).toBe(1);
    await finish(runner);
    await finish(runner);
    expect(stays.values).toEqual([9]);
    expect(runner.started.map(({ inputs }) => inputs[0]?.shape[0])).toEqual([1, 1]);
  });

  it('while it runs: it is told at once, what waits of it goes, and its batch mates never notice', async () => {
    const { runner, batcher } = setUp();
    const abort = new AbortController();
    ask(batcher, [item(0)]);
    await settle();
    const gone = ask(batcher, items(7, 1), { signal: abort.signal });
    const mate = ask(batcher, [item(5, 1)]);
    await finish(runner);
    abort.abort();
    await settle();
    expect(gone).toEqual(refusal('CANCELLED'));
    for (let i = 0; i < 3; i++) await finish(runner);
    expect(mate.values).toEqual([5]);
    expect(runner.started).toHaveLength(3);
    expect(batcher.idle).toBe(true);
  });

  it('when its deadline passes in the queue or while it runs', async () => {
    const { runner, ledger, batcher } = setUp();
    const running = ask(batcher, [item(0)], { deadline: performance.now() + 50 });
    const waiting = ask(batcher, items(2), { deadline: performance.now() + 100 });
    await jest.advanceTimersByTimeAsync(49);
    expect([running, waiting]).toEqual([{}, {}]);
    await jest.advanceTimersByTimeAsync(51);
    expect([running, waiting]).toEqual([refusal('DEADLINE_EXCEEDED'), refusal('DEADLINE_EXCEEDED')]);
    expect(ledger.waiting).toBe(0);
    await finish(runner);
    expect([runner.started.length, batcher.idle]).toEqual([1, true]);
  });

  it('leaves no timer behind once it is answered', async () => {
    const { runner, batcher } = setUp();
    const outcome = ask(batcher, [item(3, 1)], { deadline: performance.now() + 50 });
    await finish(runner);
    expect(outcome.values).toEqual([3]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
