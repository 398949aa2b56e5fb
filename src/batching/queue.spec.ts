// The queue: what leaves together, in which order, and that everybody leaves.
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OLDEST_LEADS_EVERY, type Entry, type Flow } from './backlog.js';
import { EVERYBODY, type Item, type Share } from './item.js';
import type { PackingPolicy } from './packing.js';
import { Queue } from './queue.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const POLICY: PackingPolicy = { maxRows: 8, maxTokens: 64, tolerance: 1.5 };

interface TestEntry extends Entry {
  readonly flow: Flow;
  readonly index: number;
}

function flowOf(urgency = 3, share: Share = EVERYBODY): Flow {
  return { finish: 0, waiting: 0, items: Infinity, tokens: Infinity, urgency, share };
}

function entry(flow: Flow, { length = 1, rows = 1, kind = '', masked = false }: Partial<Item> = {}, index = 0): TestEntry {
  return { item: { inputs: [], rows, length, kind, masked }, kind, flow, index, order: 0, turn: 0, alone: masked };
}

function fill(queue: Queue<TestEntry>, flow: Flow, count: number, size: Partial<Item> = {}): TestEntry[] {
  const entries = Array.from({ length: count }, (_, index) => entry(flow, size, index));
  for (const one of entries) queue.add(one);
  return entries;
}

function sum(entries: Iterable<TestEntry>, value: (item: Item) => number): number {
  return [...entries].reduce((total, { item }) => total + value(item), 0);
}

function put(queue: Queue<TestEntry>, flow: Flow, size: Partial<Item>): TestEntry {
  const added = entry(flow, size);
  queue.add(added);
  return added;
}

function sameSize(a: Item, b: Item): boolean {
  return a.length === b.length && a.rows === b.rows && a.masked === b.masked;
}

/** What the policy promises of every batch. */
function expectFits(batch: readonly TestEntry[], { maxRows, maxTokens, tolerance, segments }: PackingPolicy): void {
  const lengths = batch.map(({ item }) => item.length);
  const [longest, shortest, rows] = [Math.max(...lengths), Math.min(...lengths), sum(batch, (item) => item.rows)];
  expect(new Set(batch.map(({ kind }) => kind)).size).toBe(1);
  if (batch.length === 1) return;
  if (segments) expect(batch.some(({ item }) => item.masked)).toBe(false);
  expect(rows).toBeLessThanOrEqual(maxRows);
  expect(segments ? sum(batch, (item) => item.rows * item.length) : rows * longest).toBeLessThanOrEqual(maxTokens);
  if (!segments) expect(longest).toBeLessThanOrEqual(shortest * tolerance);
}

type Step =
  | ({ readonly do: 'add'; readonly flow: number } & Omit<Item, 'inputs'>)
  | { readonly do: 'next' }
  | { readonly do: 'remove'; readonly which: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('add' as const),
        flow: fc.nat(7),
        length: fc.integer({ min: 1, max: 90 }),
        rows: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 12 }) }),
        kind: fc.constantFrom('a', 'b'),
        masked: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('next' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), which: fc.nat() }) },
  ),
  { minLength: 20, maxLength: 150, size: 'max' },
);
const policies = fc.record({
  maxRows: fc.integer({ min: 1, max: 16 }),
  maxTokens: fc.oneof(fc.integer({ min: 1, max: 256 }), fc.constant(Infinity)),
  tolerance: fc.constantFrom(1, 1.15, 1.5, 4),
  segments: fc.boolean(),
});

/** The queue beside a list that does the same the slow way. */
class Twin {
  readonly queue: Queue<TestEntry>;
  readonly waiting = new Set<TestEntry>();
  readonly #flows = Array.from({ length: 8 }, (_, urgency) => flowOf(urgency));
  #count = 0;

  constructor(private readonly policy: PackingPolicy) {
    this.queue = new Queue(policy);
  }

  take(step: Step): void {
    if (step.do === 'add') this.#add(step);
    else if (step.do === 'next') this.next();
    else if (this.waiting.size > 0) this.#remove([...this.waiting][step.which % this.waiting.size]);
    expect(this.queue.rows).toBe(sum(this.waiting, (item) => item.rows));
    expect(this.queue.tokens).toBe(sum(this.waiting, (item) => item.rows * item.length));
    expect(this.queue.empty).toBe(this.waiting.size === 0);
    expect(this.queue.lone).toBe(this.waiting.size === 1);
  }

  next(): void {
    const batch = this.queue.next();
    expect(batch.length > 0).toBe(this.waiting.size > 0);
    for (const one of batch) {
      const alike = [...this.waiting].filter(({ flow, kind, item }) => flow === one.flow && kind === one.kind && sameSize(item, one.item));
      expect(alike[0]).toBe(one);
      expect(this.waiting.delete(one)).toBe(true);
    }
    if (batch.length > 0) expectFits(batch, this.policy);
  }

  #add({ flow, ...size }: Extract<Step, { do: 'add' }>): void {
    const added = entry(this.#flows[flow] ?? flowOf(), size, this.#count++);
    this.queue.add(added);
    this.waiting.add(added);
  }

  #remove(gone: TestEntry | undefined): void {
    if (!gone) return;
    this.queue.remove(gone);
    this.queue.remove(gone);
    this.waiting.delete(gone);
  }
}

describe('Queue', () => {
  it('lets every item leave once, in batches within the policy, a flow in its order, whatever is removed meanwhile', () => {
    fc.assert(
      fc.property(policies, steps, (policy, all) => {
        const twin = new Twin(policy);
        for (const step of all) twin.take(step);
        while (twin.waiting.size > 0) twin.take({ do: 'next' });
        expect(twin.queue.next()).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('holds nothing of what has left it', async () => {
    const queue = new Queue<TestEntry>(POLICY);
    const left = fill(queue, flowOf(), 40, { length: 2 }).map((one) => new WeakRef(one));
    while (queue.next().length > 0) continue;
    await setImmediate();
    collect();
    expect(left.filter((one) => one.deref())).toEqual([]);
  });

  it('fills a batch up to the budget with what has the length of the first', () => {
    const queue = new Queue<TestEntry>(POLICY);
    fill(queue, flowOf(), 20, { length: 16 });
    expect(queue.next()).toHaveLength(4);
    fill(queue, flowOf(), 20, { length: 1, kind: 'short' });
    while (queue.next()[0]?.kind !== 'short') expect(queue.empty).toBe(false);
    expect(queue.next().length).toBeLessThanOrEqual(8);
  });

  it('prefers mates of the nearest length', () => {
    const queue = new Queue<TestEntry>({ maxRows: 3, maxTokens: 1000, tolerance: 2 });
    const flow = flowOf();
    for (const length of [10, 19, 6, 11, 9]) queue.add(entry(flow, { length }));
    expect(queue.next().map(({ item }) => item.length)).toEqual([10, 9, 11]);
  });

  it('runs an item beyond the budget alone, and it holds up nobody', () => {
    const queue = new Queue<TestEntry>(POLICY);
    const huge = put(queue, flowOf(), { length: 1000 });
    fill(queue, flowOf(), 4, { length: 100 });
    fill(queue, flowOf(), 6, { length: 10 });
    const batches = Array.from({ length: 6 }, () => queue.next());
    expect(batches.map((batch) => batch.map(({ item }) => item.length))).toEqual([
      [1000],
      [100],
      [10, 10, 10, 10, 10, 10],
      [100],
      [100],
      [100],
    ]);
    expect(batches[0]).toEqual([huge]);
    expect(queue.empty).toBe(true);
  });

  it('fills a batch with whoever is due next where sequences share rows, whatever their lengths', () => {
    const queue = new Queue<TestEntry>({ ...POLICY, segments: true });
    for (const length of [30, 3, 40, 12, 18, 1]) put(queue, flowOf(), { length });
    expect(queue.next().map(({ item }) => item.length)).toEqual([30, 3, 12, 18, 1]);
  });

  it.each([
    ['a burst', 2, 16],
    ['a long queue', 20, 64],
  ])('splits %s over the instances', (_, count, tokens) => {
    const queue = new Queue<TestEntry>({ maxRows: 64, maxTokens: 64, tolerance: 1, segments: true });
    for (let i = 0; i < count; i++) put(queue, flowOf(), { length: 16 });
    expect(queue.next(2).reduce((sum, { item }) => sum + item.length, 0)).toBe(tokens);
  });

  it('lets bulk travel in small batches, so that whoever comes meanwhile does not wait long', () => {
    const queue = new Queue<TestEntry>({ maxRows: 64, maxTokens: 64, tolerance: 1, segments: true });
    fill(queue, flowOf(), 1000, { length: 4 });
    expect(queue.next()).toHaveLength(4);
  });

  it('leaves an item with a mask of its own alone where masks number the sequences', () => {
    const queue = new Queue<TestEntry>({ ...POLICY, segments: true });
    for (const masked of [false, true, false]) put(queue, flowOf(), { length: 5, masked });
    expect([queue.next(), queue.next()].map((batch) => batch.map(({ item }) => item.masked))).toEqual([[false, false], [true]]);
  });

  it('finds mates of any length at once, however wide the tolerance', () => {
    const queue = new Queue<TestEntry>({ maxRows: 8, maxTokens: 512, tolerance: 1e12 });
    for (const length of [60, 1, 30, 64]) put(queue, flowOf(), { length });
    expect(queue.next().map(({ item }) => item.length)).toEqual([60, 64, 30, 1]);
  });

  it.each([1, 3, 12])('lets a single text past %i arrays of thousands within a few batches', (arrays) => {
    fc.assert(
      fc.property(fc.nat(600), fc.integer({ min: 1, max: 64 }), (before, length) => {
        const queue = new Queue<TestEntry>(POLICY);
        for (let i = 0; i < arrays; i++) fill(queue, flowOf(), 2000, { length: 20 + i, kind: 'array' });
        for (let i = 0; i < before; i++) queue.next();
        const single = put(queue, flowOf(), { length, kind: 'single' });
        let batches = 1;
        while (!queue.next().includes(single)) batches += 1;
        // Twice the turn of each array, and the batches between that the oldest leads.
        expect(batches).toBeLessThanOrEqual(((2 * arrays + 1) * OLDEST_LEADS_EVERY) / (OLDEST_LEADS_EVERY - 1));
      }),
      { numRuns: 15 },
    );
  });

  it('keeps nobody waiting for longer than its turn as the oldest', () => {
    fc.assert(
      fc.property(steps, fc.nat(40), fc.integer({ min: 1, max: 200 }), (all, crowd, length) => {
        const twin = new Twin(POLICY);
        for (const step of all) twin.take(step);
        const ahead = twin.waiting.size;
        const queue = twin.queue;
        const least = put(queue, flowOf(7), { length, kind: 'least' });
        let batches = 1;
        // Others who are more urgent keep coming, more than there is room for.
        const urgent = flowOf(0);
        for (; !queue.next().includes(least); batches++) fill(queue, urgent, crowd % 12, { length: 30, kind: 'urgent' });
        expect(batches).toBeLessThanOrEqual(OLDEST_LEADS_EVERY * (ahead + 1));
      }),
      { numRuns: 60 },
    );
  });

  it('serves the urgent first', () => {
    const queue = new Queue<TestEntry>({ maxRows: 1, maxTokens: 64, tolerance: 1 });
    const urgencies = [7, 3, 0];
    for (const urgency of urgencies) put(queue, flowOf(urgency), {});
    expect(urgencies.map(() => queue.next()[0]?.flow.urgency)).toEqual([0, 3, 7]);
  });

  it('now and then lets the oldest lead, however little it is in a hurry', () => {
    const queue = new Queue<TestEntry>({ maxRows: 1, maxTokens: 64, tolerance: 1 });
    put(queue, flowOf(7), {});
    for (let other = 0; other < 2 * OLDEST_LEADS_EVERY; other++) put(queue, flowOf(0), {});
    const served = Array.from({ length: OLDEST_LEADS_EVERY }, () => queue.next()[0]?.flow.urgency);
    expect(served.indexOf(7)).toBe(OLDEST_LEADS_EVERY - 1);
  });

  it('does not let who comes late catch up with what others have had', () => {
    const queue = new Queue<TestEntry>({ maxRows: 1, maxTokens: 64, tolerance: 1 });
    const early = flowOf();
    fill(queue, early, 400);
    for (let i = 0; i < 200; i++) queue.next();
    fill(queue, flowOf(), 400);
    const served = Array.from({ length: 100 }, () => queue.next()[0]?.flow);
    expect(served.filter((flow) => flow === early).length).toBeGreaterThan(40);
  });

  it('shares the turns of equals evenly', () => {
    const queue = new Queue<TestEntry>({ maxRows: 1, maxTokens: 64, tolerance: 1 });
    const flows = [flowOf(), flowOf(), flowOf()];
    for (const flow of flows) fill(queue, flow, 300);
    const served = Array.from({ length: 300 }, () => queue.next()[0]?.flow);
    for (const flow of flows) expect(served.filter((one) => one === flow).length).toBeGreaterThan(60);
  });
});
