// A batcher whose batches end when the test says so, on a clock that stands still meanwhile.
import { afterEach, beforeEach, expect, jest } from '@jest/globals';
import { Batcher, type BatchingPolicy } from '../../src/batching/batcher.js';
import type { Layout } from '../../src/batching/layout.js';
import type { ErrorCode } from '../../src/errors.js';
import { HandRunner, LAYOUT, Ledger, POLICY } from '../soak/hand-runner.js';

interface HandBatcher {
  readonly runner: HandRunner;
  readonly ledger: Ledger;
  readonly batcher: Batcher;
}

/** Called once by a file of specs. */
export function stopTheClock(): void {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });
}

export function setUp(policy: Partial<BatchingPolicy> = {}, layout: Layout = LAYOUT): HandBatcher {
  const runner = new HandRunner();
  const ledger = new Ledger();
  const batcher = new Batcher({ ...POLICY, ...policy }, layout, runner, ledger.metrics);
  runner.batcher = batcher;
  return { runner, ledger, batcher };
}

/** Ends the batch that runs, after `ms`: the identity model. */
export async function finish(runner: HandRunner, ms = 1): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
  for (const run of [...runner.running]) run.finish({ outputs: [...run.inputs], seconds: ms / 1000 });
  await settle();
}

/** Lets everything that is already decided happen. */
export async function settle(): Promise<void> {
  await jest.advanceTimersByTimeAsync(0);
}

export function refusal(code: ErrorCode): unknown {
  return { error: expect.objectContaining({ code }) };
}
