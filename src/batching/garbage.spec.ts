// What a request leaves behind: nothing that waits for V8 to look through the whole heap.
import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from '@jest/globals';
import { HandRunner, item, LAYOUT, Ledger, POLICY } from '../../test/soak/hand-runner.js';
import { Cancellation } from '../cancellation.js';
import { Batcher } from './batcher.js';
import type { Item } from './item.js';

setFlagsFromString('--expose-gc');
// Else V8 may take it for a rule that what was alive when the test looked grows old, and makes it old at once.
setFlagsFromString('--no-allocation-site-pretenuring');
const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;

const CLIENTS = 16;
const REQUESTS = 10_000;
/** Of each, on the heap. */
const BYTES = 8000;
/** A twentieth of what all of them had. With Sets in place of lists a quarter was left. */
const BOUND = (REQUESTS * BYTES) / 20;
/** Turns of the event loop, in each of which a batch ends. */
const TURNS_A_SCAVENGE = 250;

/** An item with something beside it, that lives as long as its request. */
function heavy(value: number): Item {
  return Object.assign(item(value), { ballast: Array.from({ length: BYTES / 8 }, () => value) });
}

/** @returns bytes that are there afterwards, and were not before. */
async function serveAll(): Promise<number> {
  const runner = new HandRunner();
  const batcher = new Batcher({ ...POLICY, maxQueueItems: CLIENTS, maxQueueTokens: Infinity }, LAYOUT, runner, new Ledger().metrics);
  runner.batcher = batcher;
  let asked = 0;
  const client = async (): Promise<void> => {
    while (asked++ < REQUESTS)
      await batcher.submit([heavy(asked)], { outputs: ['x'], signal: new Cancellation(), deadline: performance.now() + 60_000 });
  };
  const served = { all: false };
  const clients = Promise.all(Array.from({ length: CLIENTS }, client)).then(() => (served.all = true));
  let before = 0;
  for (let turn = 0; !served.all; turn++) {
    for (const run of [...runner.running]) run.finish({ outputs: [...run.inputs], seconds: 0.001 });
    runner.started.length = 0;
    await setImmediate();
    if (turn % TURNS_A_SCAVENGE === 0) collect({ type: 'minor' });
    if (turn !== TURNS_A_SCAVENGE) continue;
    // What waits, and what it waits in, are old from now on.
    collect();
    before = getHeapStatistics().used_heap_size;
  }
  await clients;
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  return getHeapStatistics().used_heap_size - before;
}

it('a request that was served is garbage of the young generation, also where the queue has grown old', async () => {
  let left = Infinity;
  // While V8 marks the whole heap, whatever lives survives.
  for (let tries = 0; tries < 5 && left > BOUND; tries++) left = Math.min(left, await serveAll());
  expect(left).toBeLessThan(BOUND);
});
