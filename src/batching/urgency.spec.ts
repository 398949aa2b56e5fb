// Who is less urgent waits longer, and not for ever.
import { expect, it } from '@jest/globals';
import { OLDEST_LEADS_EVERY, type Entry, type Flow } from './backlog.js';
import { EVERYBODY } from './item.js';
import { Queue } from './queue.js';

const LENGTH = 8;
const MATES = 8;

function ask(queue: Queue<Entry>, urgency: number, items = 1): Flow {
  const flow: Flow = { finish: 0, waiting: 0, tokens: Infinity, urgency, share: EVERYBODY };
  const item = { inputs: [], rows: 1, length: LENGTH, kind: '' };
  for (let index = 0; index < items; index++) queue.add({ item, kind: '', flow, order: 0, turn: 0, alone: false });
  return flow;
}

it('gives the least urgent their part while the urgent keep coming, not the turn of the oldest alone', () => {
  const queue = new Queue<Entry>({ maxRows: MATES, maxTokens: MATES * LENGTH, tolerance: 1, segments: true });
  const items = 64;
  const patient = ask(queue, 7, items);
  for (let client = 0; client < MATES; client++) ask(queue, 2);
  let batches = 0;
  for (; patient.waiting > 0; batches++) {
    for (const { flow } of queue.next()) if (flow !== patient) ask(queue, 2);
  }
  expect(batches).toBeLessThan((items * OLDEST_LEADS_EVERY) / 2);
});
