// What a request notes on its way, and how a batch tells those that travelled in it.
import { describe, expect, it } from '@jest/globals';
import { recordRun, Timeline, type BatchRun } from './timeline.js';
import type { Attributes, Trace } from './tracer.js';

const RUN: BatchRun = {
  model: 'm',
  version: '1',
  departedAt: 20,
  returnedAt: 30,
  seconds: 0.008,
  rows: 5,
  requests: 2,
  items: 2,
  tokens: 40,
  paddingRatio: 0.2,
};

/** A trace that writes down what it is told. */
class Written implements Trace {
  readonly stations: unknown[] = [];
  readonly batches: (readonly Trace[])[] = [];
  readonly spanId = 'b'.repeat(16);

  constructor(readonly id: string) {}

  station(name: string, from: number, to: number, attributes?: Attributes): void {
    this.stations.push({ name, from, to, attributes });
  }

  batch(_: BatchRun, members: readonly Trace[]): void {
    this.batches.push(members);
  }

  joined(): void {
    throw new Error('the batch tells them');
  }

  end(): void {
    throw new Error('the door ends it');
  }
}

describe('a timeline', () => {
  it('keeps the last departure and the largest batch of a request in parts', () => {
    const timeline = new Timeline(1);
    timeline.enqueued(10, 7, RUN);
    timeline.departed(20);
    timeline.ran(RUN);
    timeline.departed(25);
    timeline.ran({ ...RUN, rows: 2, seconds: 0.02 });
    timeline.settled(50);
    expect(timeline).toMatchObject({
      model: 'm',
      version: '1',
      queuedRows: 7,
      departedAt: 25,
      batchRows: 5,
      inferenceSeconds: 0.02,
      settledAt: 50,
    });
  });

  it('traces the wait in the queue, of one that never left it too', () => {
    const [left, stayed] = [new Written('a'), new Written('b')];
    for (const [trace, departs] of [
      [left, true],
      [stayed, false],
    ] as const) {
      const timeline = new Timeline(1, trace);
      timeline.enqueued(10, 3, RUN);
      if (departs) timeline.departed(20);
      timeline.settled(50);
    }
    const station = { name: 'queue', from: 10, attributes: { 'nestor.queue.rows': 3 } };
    expect(left.stations).toEqual([{ ...station, to: 20 }]);
    expect(stayed.stations).toEqual([{ ...station, to: 50 }]);
  });
});

describe('a batch', () => {
  it('is traced once, by the first that is traced, for all that are', () => {
    const traces = [new Written('a'), new Written('b')];
    const members = [new Timeline(1), ...traces.map((trace) => new Timeline(1, trace)), new Timeline(1)];
    expect(recordRun(RUN, new Set(members))).toBe('a');
    expect(traces.map(({ batches }) => batches)).toEqual([[traces], []]);
    expect(members.map(({ batchRows }) => batchRows)).toEqual([5, 5, 5, 5]);
  });

  it('that failed is traced, and carried nobody', () => {
    const trace = new Written('a');
    const member = new Timeline(1, trace);
    expect(recordRun({ ...RUN, seconds: 0, failure: 'WORKER_LOST' }, new Set([member]))).toBe('a');
    expect([trace.batches, member.batchRows]).toEqual([[[trace]], 0]);
  });

  it('of requests that nobody traces is noted and not traced', () => {
    const member = new Timeline(1);
    expect(recordRun(RUN, new Set([member]))).toBe(undefined);
    expect(member.batchRows).toBe(5);
  });
});
