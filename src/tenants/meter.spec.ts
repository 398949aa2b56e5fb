// One limit over several processes: what passes is never more than the quota, and hardly less, whatever the ledger does.
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { SLICE, type Claim, type Grant, type Ledger } from './ledger.js';
import { limitsOf, type Limit } from './limit.js';
import { Meter, type Taken } from './meter.js';

function limit(rate: string): Limit {
  const [one] = limitsOf('requests', rate);
  if (!one) throw new Error(`${rate} is no limit`);
  return one;
}

/** What Redis does, in memory; it may be away, or fail. */
class Book implements Ledger {
  away = false;
  failing = false;
  /** Every so manieth answer comes too late. */
  lateEvery = Infinity;
  asked = 0;
  /** By how much a process was ever told to know more than was taken. */
  overstated = 0;
  readonly #used = new Map<string, number>();
  readonly #taken = new Map<string, number>();

  /** As a Redis does that begins empty. */
  forget(): void {
    this.#used.clear();
  }

  async claim(claim: Claim, late: (grant: Grant) => void): Promise<Grant> {
    this.asked += 1;
    await Promise.resolve();
    if (this.failing) throw new Error('nobody there');
    const grant = this.#grant(claim);
    if (this.asked % this.lateEvery > 0) return grant;
    void Promise.resolve(grant).then(late);
    throw new Error('not in time');
  }

  #grant({ key, count, seconds, need, ahead, known }: Claim): Grant {
    const length = seconds * 1000;
    const window = Math.floor(Date.now() / length);
    const place = `${key} ${window}`;
    const told = known?.window === window ? known.used : 0;
    const used = Math.max(this.#used.get(place) ?? 0, told);
    const taken = this.#taken.get(place) ?? 0;
    this.overstated = Math.max(this.overstated, told - taken);
    const left = Math.max(0, count - used);
    const granted = need <= left ? need + Math.floor((left - need) * (ahead ? SLICE : 0)) : 0;
    this.#used.set(place, used + granted);
    this.#taken.set(place, taken + granted);
    return { granted, left: left - granted, window, endsInMs: (window + 1) * length - Date.now() };
  }
}

beforeEach(() => {
  jest.useFakeTimers({ now: 1_800_000_000_000 });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('a limit', () => {
  it('of one process lets through as much as it says, in each window', () => {
    const meter = new Meter(limit('10/minute'), 'key', undefined);
    expect(Array.from({ length: 12 }, () => meter.take(1)).filter(Boolean)).toHaveLength(10);
    expect([meter.remaining, meter.resetSeconds]).toEqual([0, 60]);
    jest.advanceTimersByTime(59_999);
    expect([meter.take(1), meter.resetSeconds]).toEqual([false, 1]);
    jest.advanceTimersByTime(1);
    expect([meter.remaining, meter.take(10), meter.take(1)]).toEqual([10, expect.any(Number), false]);
  });

  it('of several processes is theirs together: never exceeded, and used up within 5 % while they all ask', async () => {
    const amounts = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 64 }),
        amounts,
        async (count, processes, together, sizes) => {
          const book = new Book();
          const meters = Array.from({ length: processes }, () => new Meter(limit(`${count}/day`), 'key', book));
          let passed = 0;
          for (let sent = 0; sent < 1.5 * count + 200; sent += together) {
            const taken = Array.from({ length: together }, async (_, index) => {
              const amount = sizes[(sent + index) % sizes.length] ?? 1;
              if (await meters[(sent + index) % processes]?.take(amount)) passed += amount;
            });
            await Promise.all(taken);
          }
          expect(passed).toBeLessThanOrEqual(count);
          // The rest is less than a request, in each process.
          expect(passed).toBeGreaterThanOrEqual(Math.floor(count * 0.95) - 3 * processes);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('does not ask the ledger for each request, and not at all once it has said that nothing is left', async () => {
    const book = new Book();
    const meter = new Meter(limit('10000/day'), 'key', book);
    for (let i = 0; i < 10_000; i++) expect(await meter.take(1)).toEqual(expect.any(Number));
    expect(book.asked).toBeLessThan(400);
    const before = book.asked;
    for (let i = 0; i < 1000; i++) expect(meter.take(1)).toBe(false);
    expect(book.asked).toBe(before);
  });

  it('is not granted anew by a ledger that forgets what was taken', async () => {
    const book = new Book();
    const meters = [new Meter(limit('1000/day'), 'key', book), new Meter(limit('1000/day'), 'key', book)];
    let passed = 0;
    for (let i = 0; i < 3000; i++) {
      if (i % 300 === 299) book.forget();
      passed += (await meters[i % 2]?.take(1)) ? 1 : 0;
    }
    expect(passed).toBeGreaterThanOrEqual(1000);
    // Each time a process may not know yet of a slice that another had taken.
    expect(passed).toBeLessThanOrEqual(1100);
  });

  it('says no more to be taken than is, whatever is forgotten, given back, late, changed or over', async () => {
    const step = fc.record({
      process: fc.nat(2),
      amount: fc.integer({ min: 1, max: 30 }),
      event: fc.constantFrom('none', 'none', 'give back', 'forget', 'time', 'limit', 'later'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 200 }), fc.integer({ min: 2, max: 9 }), async (steps, lateEvery) => {
        const book = new Book();
        book.lateEvery = lateEvery;
        const meters = Array.from({ length: 3 }, () => new Meter(limit('500/minute'), 'key', book));
        for (const { process, amount, event } of steps) {
          const meter = meters[process];
          const asked = meter?.take(amount);
          if (event === 'forget') book.forget();
          if (event === 'time') jest.advanceTimersByTime(20_000);
          if (event === 'limit' && meter) meter.limit = limit(`${amount * 20}/minute`);
          if (event === 'later') continue;
          const window = await asked;
          if (event === 'give back' && window) meter?.giveBack(amount, window);
        }
        expect(book.overstated).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('is counted here while the ledger fails or is away, from what was let through before', async () => {
    const book = new Book();
    const meter = new Meter(limit('100/day'), 'key', book);
    for (let i = 0; i < 30; i++) expect(await meter.take(1)).toEqual(expect.any(Number));
    book.failing = true;
    for (let i = 0; i < 30; i++) expect(await meter.take(1)).toEqual(expect.any(Number));
    book.away = true;
    expect(Array.from({ length: 60 }, () => meter.take(1)).filter(Boolean)).toHaveLength(40);
  });

  it.each([2, 5, 20])('is whole where every %ith grant of the ledger comes late', async (lateEvery) => {
    const book = new Book();
    book.lateEvery = lateEvery;
    const meters = [new Meter(limit('10000/day'), 'key', book), new Meter(limit('10000/day'), 'key', book)];
    let passed = 0;
    for (let i = 0; i < 12_000; i++) passed += (await meters[i % 2]?.take(1)) ? 1 : 0;
    // What is asked for at last and comes late is decided by this process alone.
    expect(Math.abs(passed - 10_000)).toBeLessThanOrEqual(100);
  });

  it('begins anew with each window, of the ledger too', async () => {
    const book = new Book();
    const [one, two] = [new Meter(limit('20/minute'), 'key', book), new Meter(limit('20/minute'), 'key', book)];
    for (let window = 0; window < 5; window++) {
      let passed = 0;
      for (let i = 0; i < 40; i++) passed += (await (i % 2 ? one : two).take(1)) ? 1 : 0;
      expect(passed).toBe(20);
      jest.advanceTimersByTime(60_000);
    }
  });

  it('refuses nothing because the window ends while the ledger is asked', async () => {
    const book = new Book();
    const meter = new Meter(limit('100/minute'), 'key', book);
    await meter.take(1);
    jest.advanceTimersByTime(59_999);
    const asked = meter.take(20);
    jest.advanceTimersByTime(1);
    expect(await asked).toEqual(expect.any(Number));
    expect(meter.remaining).toBe(80);
  });

  it('that is raised holds from then on, though the ledger had nothing left, and was being asked', async () => {
    const book = new Book();
    const meter = new Meter(limit('10/day'), 'key', book);
    for (let i = 0; i < 12; i++) await meter.take(1);
    expect(meter.take(1)).toBe(false);
    meter.limit = limit('20/day');
    expect([meter.refuses(1), await meter.take(10), await meter.take(1)]).toEqual([false, expect.any(Number), false]);
    meter.limit = limit('30/day');
    const asked = meter.take(11);
    meter.limit = limit('40/day');
    expect(await asked).toBe(false);
    expect(await meter.take(20)).toEqual(expect.any(Number));
  });

  it('that is lowered holds from then on, whatever was taken ahead or is on its way', async () => {
    const book = new Book();
    const meter = new Meter(limit('1000000/day'), 'key', book);
    expect(await meter.take(10)).toEqual(expect.any(Number));
    meter.limit = limit('100/day');
    let passed = 10;
    for (let i = 0; i < 200; i++) passed += (await meter.take(1)) ? 1 : 0;
    expect(passed).toBe(100);
    const other = new Meter(limit('1000000/day'), 'other', book);
    const asked = other.take(1);
    other.limit = limit('100/day');
    passed = (await asked) ? 1 : 0;
    for (let i = 0; i < 200; i++) passed += (await other.take(1)) ? 1 : 0;
    expect(passed).toBe(100);
  });

  /** Of what was counted. */
  async function windowOf(taken: Taken | Promise<Taken>): Promise<number> {
    const window = await taken;
    if (window === false) throw new Error('refused');
    return window;
  }

  it.each([
    ['of its own', undefined],
    ['of the ledger', new Book()],
  ])('takes back what came to nothing %s, in the window that it was counted in and in no other', async (_, ledger) => {
    const meter = new Meter(limit('10/minute'), 'key', ledger);
    const window = await windowOf(meter.take(8));
    meter.giveBack(8, window);
    expect(await windowOf(meter.take(10))).toBe(window);
    jest.advanceTimersByTime(60_000);
    expect(await windowOf(meter.take(6))).toBe(window + 1);
    meter.giveBack(10, window);
    expect(meter.remaining).toBe(4);
    expect(await meter.take(5)).toBe(false);
  });
});
