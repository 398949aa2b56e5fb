// How long a request may wait for its turn: refused at the door where the queue is known to be slower, and later where it proves to be.
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { finish, refusal, settle, setUp, stopTheClock } from '../../test/setup/hand-batcher.js';
import { ask, item, items, type HandRunner } from '../../test/soak/hand-runner.js';
import type { Batcher } from './batcher.js';
import { Backlog, type Entry, type Flow } from './backlog.js';
import { EVERYBODY } from './item.js';

stopTheClock();

/** A queue that serves items of ten tokens one by one, ten a second, behind one that runs. */
async function tenASecond(queueTimeoutMs = 500): Promise<{ runner: HandRunner; batcher: Batcher }> {
  const { runner, batcher } = setUp({ maxRows: 1, maxQueueItems: 100, maxQueueTokens: 1000, queueTimeoutMs });
  ask(batcher, [item(0, 10)]);
  await settle();
  await finish(runner, 100);
  ask(batcher, [item(0, 10)]);
  await settle();
  return { runner, batcher };
}

describe('the queue timeout', () => {
  it('refuses at once who would wait longer, and says when it would not', async () => {
    const { batcher } = await tenASecond();
    const outcomes = Array.from({ length: 40 }, () => ask(batcher, [item(1, 10)]));
    await settle();
    expect(outcomes.slice(0, 5)).toEqual(Array(5).fill({}));
    expect(outcomes.slice(5)).toEqual(Array(35).fill(refusal('QUEUE_FULL')));
    expect(outcomes[5]?.error?.message).toContain('in about 500 ms; the queue of this model lets requests wait 500 ms');
    // A turn of their own for each, as for those who find no room.
    expect([outcomes[5], outcomes[39]].map((outcome) => outcome?.error?.retryAfter)).toEqual([1, 4]);
  });

  it('ends the wait of those for whom the queue was slower than it had been', async () => {
    const { runner, batcher } = await tenASecond();
    const outcomes = Array.from({ length: 3 }, () => ask(batcher, [item(1, 10)]));
    await finish(runner, 499);
    await jest.advanceTimersByTimeAsync(1);
    expect(outcomes).toEqual([{}, refusal('QUEUE_FULL'), refusal('QUEUE_FULL')]);
    expect(outcomes[2]?.error?.retryAfter).toBeGreaterThanOrEqual(1);
    await finish(runner, 1000);
    expect(outcomes[0]?.values).toEqual([1]);
    expect([batcher.idle, runner.started.length]).toEqual([true, 3]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is for the wait alone: what has begun is answered, however long all of it takes', async () => {
    const { runner, batcher } = await tenASecond();
    const large = ask(batcher, items(60, 10));
    for (let batch = 0; batch < 61; batch++) await finish(runner, 100);
    expect(large.values).toHaveLength(60);
  });

  it('lets single texts in beside a request of thousands, and another such beside the first', async () => {
    const { batcher } = await tenASecond();
    const outcomes = [ask(batcher, items(50, 10)), ask(batcher, items(40, 10)), ask(batcher, [item(1, 10)])];
    await settle();
    expect(outcomes).toEqual([{}, {}, {}]);
  });

  it('is not for what the server asks of itself', async () => {
    const { runner, batcher } = await tenASecond();
    const own = ask(batcher, [item(7, 10)], { unlimited: true });
    await finish(runner, 2000);
    await finish(runner);
    expect(own.values).toEqual([7]);
  });

  it('is none where the model names none', async () => {
    const { runner, batcher } = await tenASecond(Infinity);
    const patient = ask(batcher, [item(7, 10)]);
    await finish(runner, 3_600_000);
    await finish(runner);
    expect(patient.values).toEqual([7]);
  });
});

describe('what is reckoned to be ahead', () => {
  const POLICY = { maxRows: 64, maxTokens: 512, segments: true };
  const single = (length: number, urgency = 3): Entry => {
    const flow: Flow = { finish: 0, waiting: 0, items: 1, tokens: length, urgency, share: EVERYBODY };
    return { item: { inputs: [], rows: 1, length, kind: '' }, kind: '', flow, alone: false, order: 0, turn: 0 };
  };

  it('of a single text is all that is served before it, however short it is', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 512 }), { maxLength: 60 }), fc.integer({ min: 1, max: 512 }), (lengths, own) => {
        const backlog = new Backlog<Entry>(EVERYBODY, POLICY, 0);
        [...lengths, own].forEach((length, turn) => {
          if (turn === lengths.length) expect(backlog.ahead(own, own, 3)).toBe(backlog.tokens);
          backlog.add(Object.assign(single(length), { turn }));
        });
        const served: number[] = [];
        for (let leader = backlog.lead(); leader; leader = backlog.lead()) {
          backlog.serve(leader);
          served.push(leader.turn);
        }
        expect(served.at(-1)).toBe(lengths.length);
      }),
    );
  });

  it('of an urgent one is less than of others', () => {
    const backlog = new Backlog<Entry>(EVERYBODY, POLICY, 0);
    for (let turn = 0; turn < 20; turn++) backlog.add(Object.assign(single(100), { turn }));
    const [urgent, usual, last] = [0, 3, 7].map((urgency) => backlog.ahead(10, 10, urgency));
    expect([urgent, usual, last]).toEqual([0, 2000, 2000]);
  });
});
