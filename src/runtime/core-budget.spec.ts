// The cores: never more taken than there are, and whoever asked first is served first.
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { CoreBudget } from './core-budget.js';

const TOTAL = 4;

/** What somebody does who uses cores. */
type Step = { readonly do: 'take' | 'try'; readonly cores: number } | { readonly do: 'give'; readonly which: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom('take' as const, 'try' as const), cores: fc.integer({ min: 1, max: TOTAL }) }),
    fc.record({ do: fc.constant('give' as const), which: fc.nat() }),
  ),
  { maxLength: 200 },
);

/** Users of a budget, and a record of who got what and when. */
class Users {
  readonly budget = new CoreBudget(TOTAL);
  /** Cores that are held, one entry a holder. */
  readonly held: number[] = [];
  readonly asked: number[] = [];
  readonly served: number[] = [];

  take(step: Step): void {
    if (step.do === 'give') this.give(step.which);
    else if (step.do === 'take') this.#queue(step.cores);
    else this.#try(step.cores);
    expect(this.busy).toBeLessThanOrEqual(TOTAL);
    expect(this.budget.contended).toBe(this.served.length < this.asked.length);
  }

  get busy(): number {
    return this.held.reduce((sum, cores) => sum + cores, 0);
  }

  give(which: number): void {
    const [cores] = this.held.splice(which % Math.max(1, this.held.length), 1);
    if (cores) this.budget.give(cores);
  }

  #queue(cores: number): void {
    const ticket = this.asked.push(cores) - 1;
    this.budget.take(cores, () => {
      this.held.push(cores);
      this.served.push(ticket);
    });
  }

  #try(cores: number): void {
    const had = this.budget.tryTake(cores);
    expect(had).toBe(this.served.length === this.asked.length && this.busy + cores <= TOTAL);
    if (had) this.held.push(cores);
  }
}

describe('CoreBudget', () => {
  it('never hands out more than there is, serves in the order of asking and forgets nobody', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const users = new Users();
        for (const step of all) users.take(step);
        while (users.held.length > 0) users.give(0);
        expect(users.served).toEqual(users.asked.map((_, ticket) => ticket));
        expect(users.budget.tryTake(TOTAL)).toBe(true);
      }),
    );
  });

  it('lets nobody with small wishes overtake one with large', () => {
    const budget = new CoreBudget(2);
    const wide = jest.fn();
    budget.tryTake(1);
    budget.take(2, wide);
    expect(budget.tryTake(1)).toBe(false);
    expect(wide).not.toHaveBeenCalled();
    budget.give(1);
    expect(wide).toHaveBeenCalledTimes(1);
  });

  it('copes with cores that are given back the moment they come', () => {
    const budget = new CoreBudget(1);
    const order: number[] = [];
    budget.tryTake(1);
    for (const ticket of [1, 2, 3]) {
      budget.take(1, () => {
        order.push(ticket);
        budget.give(1);
      });
    }
    budget.give(1);
    expect(order).toEqual([1, 2, 3]);
    expect(budget.tryTake(1)).toBe(true);
  });

  it('refuses what can never be had', () => {
    expect(() => {
      new CoreBudget(2).take(3, () => undefined);
    }).toThrow('3 cores can never be had from 2');
  });

  it('counts the cores of the process by default', () => {
    expect(new CoreBudget().total).toBeGreaterThan(0);
  });
});
