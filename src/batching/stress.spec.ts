// Everything at once, minutes of it in faked time: whatever happens, each request is answered once and nothing is left.
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ask, HandRunner, item, LAYOUT, Ledger, type Outcome, type Run } from '../../test/soak/hand-runner.js';
import { between, seeded, type Random } from '../../test/soak/random.js';
import { NestorError } from '../errors.js';
import { Batcher, type BatchingPolicy } from './batcher.js';
import type { JobOptions } from './item.js';

const POLICY: BatchingPolicy = {
  maxRows: 16,
  maxTokens: 512,
  tolerance: 1.15,
  maxDelayMs: 0,
  maxQueueItems: 400,
  maxQueueTokens: 20_000,
  queueTimeoutMs: Infinity,
  aloneFromBytes: Infinity,
};
const REQUESTS = 2000;
const EVERY_END = ['CANCELLED', 'DEADLINE_EXCEEDED', 'INFERENCE_FAILED', 'MODEL_NOT_READY', 'QUEUE_FULL', 'WORKER_LOST', 'answered'];
const FAILURES = ['WORKER_LOST', 'INFERENCE_FAILED'] as const;

interface Request {
  readonly values: readonly number[];
  readonly lengths: readonly number[];
  readonly outcome: Outcome;
}

/** Clients, workers and calamities that follow one seed. */
class Storm {
  readonly runner = new HandRunner();
  readonly ledger = new Ledger();
  readonly batcher: Batcher;
  readonly requests: Request[] = [];
  /** Values of the items that ran, and of those that had not when their client hung up: they must never. */
  readonly #ran = new Set<number>();
  readonly #ranAgain = new Set<number>();
  readonly #gone = new Set<number>();
  #next = 0;
  #noted = 0;

  constructor(
    private readonly random: Random,
    maxDelayMs: number,
  ) {
    this.runner.seats = between(random, 1, 4);
    this.batcher = new Batcher({ ...POLICY, maxDelayMs }, LAYOUT, this.runner, this.ledger.metrics);
    this.runner.batcher = this.batcher;
  }

  arrive(): void {
    const count = this.random() < 0.03 ? between(this.random, 50, 150) : between(this.random, 1, 4);
    const lengths = Array.from({ length: count }, () => (this.random() < 0.02 ? 600 : between(this.random, 1, 60)));
    const values = lengths.map(() => this.#next++);
    const abort = new AbortController();
    const options: Partial<JobOptions> = {
      signal: abort.signal,
      urgency: between(this.random, 0, 7),
      ...(this.random() < 0.3 && { deadline: performance.now() + between(this.random, 1, 400) }),
    };
    const parts = values.map((value, index) => item(value, lengths[index]));
    const request: Request = { values, lengths, outcome: ask(this.batcher, parts, options) };
    this.requests.push(request);
    if (this.random() < 0.2) this.#later(request, abort);
  }

  /** One batch that runs ends, any of them and in any way. */
  end(): void {
    this.#noteRuns();
    const running = [...this.runner.running];
    const run = running[between(this.random, 0, running.length - 1)];
    if (!run) return;
    if (this.random() < 0.05) run.fail(new NestorError(FAILURES[between(this.random, 0, 1)] ?? 'INTERNAL', 'a calamity'));
    else run.finish({ outputs: [...run.inputs], seconds: 0.001 });
  }

  /** All workers die at once and stay away for a while. */
  die(): void {
    this.runner.hopeful = false;
    for (const run of [...this.runner.running]) run.fail(new NestorError('WORKER_LOST', 'a calamity'));
    setTimeout(() => {
      this.runner.hopeful = true;
      this.batcher.pump();
    }, 20);
  }

  #later(request: Request, abort: AbortController): void {
    setTimeout(
      () => {
        this.#hangUp(request, abort);
      },
      between(this.random, 0, 300),
    );
  }

  #hangUp({ values }: Request, abort: AbortController): void {
    this.#noteRuns();
    for (const value of values) if (!this.#ran.has(value)) this.#gone.add(value);
    abort.abort();
  }

  #noteRuns(): void {
    for (; this.#noted < this.runner.started.length; this.#noted++) {
      const values = valuesOf(this.runner.started[this.#noted]);
      for (const value of values) {
        // A second run is for those whose batch the model refused, each on its own.
        const again = this.#ran.has(value) && !(values.length === 1 && !this.#ranAgain.has(value));
        if (again || this.#gone.has(value)) throw new Error(`the item ${value} ran too often, or after its client hung up`);
        (this.#ran.has(value) ? this.#ranAgain : this.#ran).add(value);
      }
    }
  }
}

/** The values of the items that travel in a batch. */
function valuesOf(run: Run | undefined): number[] {
  const {
    shape: [rows = 0, width = 0],
    data,
  } = run?.inputs[0] ?? { shape: [], data: [] };
  return Array.from({ length: rows }, (_, row) => Number(data[row * width]));
}

function expectAnswered({ values, lengths, outcome }: Request): void {
  expect((outcome.values === undefined) !== (outcome.error === undefined)).toBe(true);
  if (outcome.values) expect(outcome).toMatchObject({ values, lengths });
}

beforeEach(() => {
  Logger.overrideLogger(false);
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('a storm of arrays, deadlines, hang-ups, failures and batches that end in any order', () => {
  it.each([
    [1, 0],
    [2, 0],
    [3, 8],
  ])('of seed %i with maxDelayMs %i leaves an empty queue and every request answered once', async (seed, maxDelayMs) => {
    const random = seeded(seed);
    const storm = new Storm(random, maxDelayMs);
    while (storm.requests.length < REQUESTS) {
      // Load comes in waves: more than can be served, then less.
      const wave = Math.sin(storm.requests.length / 200) > 0 ? 6 : 1;
      for (let i = between(random, 0, wave); i > 0; i--) storm.arrive();
      for (let i = between(random, 0, 2); i > 0; i--) storm.end();
      if (random() < 0.002) storm.die();
      await jest.advanceTimersByTimeAsync(between(random, 0, 4));
    }
    const drained = jest.fn();
    void storm.batcher.drained().then(drained);
    for (let i = 0; i < 5000 && !storm.batcher.idle; i++) {
      storm.end();
      await jest.advanceTimersByTimeAsync(1);
    }
    await jest.runAllTimersAsync();
    expect(drained).toHaveBeenCalledTimes(1);
    expect([storm.batcher.idle, storm.runner.idle, storm.ledger.waiting]).toEqual([true, true, 0]);
    expect(jest.getTimerCount()).toBe(0);
    for (const request of storm.requests) expectAnswered(request);
    const codes = new Set(storm.requests.map(({ outcome }) => outcome.error?.code ?? 'answered'));
    expect([...codes].sort()).toEqual([...EVERY_END].sort());
  });
});
