// The budget: what fits is taken, what does not fit makes room first, or is refused with the sum.
import { describe, expect, it } from '@jest/globals';
import { footprintOf } from './footprint.js';
import { Manifest } from './manifest.js';
import { MemoryBudget } from './memory-budget.js';
import { instancePlan } from './plans.js';

const MIB = 1024 * 1024;
const room = (mib: number): MemoryBudget => new MemoryBudget({ repository: '', memoryBudgetBytes: process.memoryUsage.rss() + mib * MIB });
const of = (mib: number) => ({ mapped: (mib * MIB) / 2, private: (mib * MIB) / 2 });
const none = (): Promise<boolean> => Promise.resolve(false);

describe('MemoryBudget', () => {
  it('takes what fits, and gives it back', async () => {
    const budget = room(150);
    const give = await budget.reserve('a/1', of(100), none);
    await expect(budget.reserve('b/1', of(100), none)).rejects.toMatchObject({ code: 'MEMORY_BUDGET_EXCEEDED' });
    give();
    await expect(budget.reserve('b/1', of(100), none)).resolves.toBeInstanceOf(Function);
  });

  it('shows the sum that it refuses', async () => {
    const budget = room(150);
    await budget.reserve('a/1', of(100), none);
    await expect(budget.reserve('b/7', of(90), none)).rejects.toThrow(
      /^the process \d+ MiB \+ a\/1 100 MiB \+ b\/7 90 MiB = \d+ MiB, more than MEMORY_BUDGET_BYTES, \d+ MiB$/,
    );
  });

  it('has room made until it fits, one model after the other', async () => {
    const budget = room(150);
    const shares = [await budget.reserve('a/1', of(50), none), await budget.reserve('b/1', of(50), none)];
    let made = 0;
    const makeRoom = (): Promise<boolean> => {
      made += 1;
      shares.pop()?.();
      return Promise.resolve(true);
    };
    await budget.reserve('c/1', of(140), makeRoom);
    expect(made).toBe(2);
  });

  it('has no limit where none is set', async () => {
    const budget = new MemoryBudget({ repository: '' });
    await expect(budget.reserve('a/1', of(1_000_000), none)).resolves.toBeInstanceOf(Function);
  });
});

describe('what a model is expected to take', () => {
  const plan = { ...instancePlan(new Manifest(), 'model.onnx', 45 * MIB, 2), prepared: true };

  it('is its weights once and little for each instance, where they are shared', () => {
    const shared = footprintOf(plan, 120 * MIB, 'shared');
    expect(shared).toEqual({ mapped: 120 * MIB, private: 36 * MIB });
  });

  it('is a copy for each instance more, where each lays them out, and more where they were not prepared', () => {
    const sum = (mode: 'shared' | 'speed', prepared = true): number => {
      const { mapped, private: own } = footprintOf({ ...plan, prepared }, 120 * MIB, mode);
      return mapped + own;
    };
    expect(sum('speed')).toBe(sum('shared') + 3 * 120 * MIB);
    expect(sum('shared', false)).toBeGreaterThan(sum('speed'));
  });
});
