// Rows over the instances: where each is worth a run they are shared, where not they travel together.
import { expect, it } from '@jest/globals';
import { item } from '../../test/soak/hand-runner.js';
import type { Entry, Flow } from './backlog.js';
import { EVERYBODY, USUAL_URGENCY } from './item.js';
import { Queue } from './queue.js';
import { RowPace } from './row-pace.js';

function eight(): Queue<Entry> {
  const queue = new Queue<Entry>({ maxRows: 64, maxTokens: 512, tolerance: 1 });
  for (let i = 0; i < 8; i++) {
    const flow: Flow = { finish: 0, waiting: 0, items: 1, tokens: 1, urgency: USUAL_URGENCY, share: EVERYBODY };
    queue.add({ item: item(i, 1), kind: '', flow, order: 0, turn: 0, alone: false });
  }
  return queue;
}

function pace(secondsARow: number, runs = 100): RowPace {
  const rows = new RowPace();
  for (let i = 0; i < runs; i++) rows.ran(4, 4 * secondsARow);
  return rows;
}

it('are shared where a row takes milliseconds', () => {
  expect(eight().next(2, pace(0.004).worthARun)).toHaveLength(4);
});

it('travel together where they take microseconds, nothing is known yet, or one run was slow', () => {
  for (const rows of [pace(10e-6), new RowPace(), pace(0.002, 1)]) expect(eight().next(2, rows.worthARun)).toHaveLength(8);
});
