// Who waits how long: the less urgent longer, and not for ever; a few texts of one request as long as a single one.
import { expect, it } from '@jest/globals';
import { OLDEST_LEADS_EVERY, type Entry, type Flow } from './backlog.js';
import { EVERYBODY } from './item.js';
import { Queue } from './queue.js';

const LENGTH = 8;
const MATES = 8;

function ask(queue: Queue<Entry>, urgency: number, items = 1): Flow {
  const flow: Flow = { finish: 0, waiting: 0, items, tokens: items * LENGTH, urgency, share: EVERYBODY };
  const item = { inputs: [], rows: 1, length: LENGTH, kind: '' };
  for (let index = 0; index < items; index++) queue.add({ item, kind: '', flow, order: 0, turn: 0, alone: false });
  return flow;
}

const makeQueue = (): Queue<Entry> => new Queue({ maxRows: MATES, maxTokens: MATES * LENGTH, tolerance: 1, segments: true });

/** Batches until a request is served, while others of one text each keep coming. */
function batchesUntil(queue: Queue<Entry>, served: Flow, others: number): number {
  let batches = 0;
  for (; served.waiting > 0; batches++) {
    for (const { flow } of queue.next()) if (flow !== served) ask(queue, others);
  }
  return batches;
}

it('gives the least urgent their part while the urgent keep coming, not the turn of the oldest alone', () => {
  const queue = makeQueue();
  const items = 64;
  const patient = ask(queue, 7, items);
  for (let client = 0; client < MATES; client++) ask(queue, 2);
  expect(batchesUntil(queue, patient, 2)).toBeLessThan((items * OLDEST_LEADS_EVERY) / 2);
});

/** Batches that a request of so many full ones waits for, among twice as many clients as a batch has room for. */
function waitOf(batches: number): number {
  const queue = makeQueue();
  for (let client = 0; client < 2 * MATES; client++) ask(queue, 3);
  return batchesUntil(queue, ask(queue, 3, batches * MATES), 3);
}

it('serves a request of four full batches as it would that many of one text', () => {
  expect(waitOf(4)).toBe(4 + 2);
});

it('lets single texts past a larger request, which takes turns with them', () => {
  expect(waitOf(32)).toBeGreaterThan(4 * 32);
});

it('bulk alone travels in larger batches, one request after the other', () => {
  const queue = makeQueue();
  for (let request = 0; request < 2; request++) {
    const bulk = ask(queue, 3, 200);
    while (bulk.waiting > MATES / 4) expect(queue.next().length).toBeGreaterThanOrEqual(MATES / 4);
    while (bulk.waiting > 0) queue.next();
  }
});

it('bulk travels in smaller batches while single texts come beside it, and in larger ones again once they stay away', () => {
  const queue = makeQueue();
  const bulk = ask(queue, 3, 1000);
  const single = ask(queue, 3);
  const alone: number[] = [];
  const beside: number[] = [];
  while (single.waiting > 0) alone.push(queue.next().length);
  for (let count = 0; count < 40; count++) beside.push(queue.next().length);
  expect(bulk.waiting).toBeGreaterThan(0);
  expect(Math.max(...alone)).toBe(MATES / 4);
  expect(beside.slice(0, 30)).toEqual(Array(30).fill(MATES / 8));
  expect(beside.slice(-5)).toEqual(Array(5).fill(MATES / 4));
});

it('single rows travel together though full blocks of a large request wait before them', () => {
  const queue = new Queue({ maxRows: MATES, maxTokens: Infinity, tolerance: 1 });
  const put = (rows: number, blocks: number): Flow => {
    const flow: Flow = { finish: 0, waiting: 0, items: blocks, tokens: blocks * rows, urgency: 3, share: EVERYBODY };
    const item = { inputs: [], rows, length: 1, kind: '' };
    for (let block = 0; block < blocks; block++) queue.add({ item, kind: '', flow, order: 0, turn: 0, alone: false });
    return flow;
  };
  put(MATES, 100);
  // Nor does one that would fill most of a batch stand before those that fit.
  put(MATES - 1, 1);
  const singles = Array.from({ length: 2 * MATES }, () => put(1, 1));
  let batches = 0;
  for (; singles.some(({ waiting }) => waiting > 0); batches++) queue.next();
  expect(batches).toBeLessThan(MATES);
});
