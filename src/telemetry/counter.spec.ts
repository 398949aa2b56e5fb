// The counter: what it shows is what prom-client's own shows, in both formats, and it never counts what is no count.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Counter as Reference, Registry } from 'prom-client';
import { Counter } from './counter.js';
import { exposition } from './exposition.js';

const config = { name: 'nestor_test_total', help: 'A "test".', labelNames: ['tier', 'result'] as const };
const FORMATS = [undefined, 'application/openmetrics-text;version=1.0.0'];

function setUp() {
  const registry = new Registry();
  return { registry, counter: new Counter({ ...config, registers: [registry] }) };
}

describe('Counter', () => {
  it.each(FORMATS)("prints what prom-client's own prints for the same counts, for Accept: %p", async (accept) => {
    const value = fc.constantFrom('a', 'b', '', 'c "quoted"\n');
    const count = fc.record({ tier: value, result: value, by: fc.option(fc.double({ min: 0, max: 30, noNaN: true }), { nil: undefined }) });
    const sorted = (text: string): string[] => text.split('\n').sort();
    await fc.assert(
      fc.asyncProperty(fc.array(count), async (counts) => {
        const { registry, counter } = setUp();
        const theirs = new Registry();
        const reference = new Reference({ ...config, registers: [theirs] });
        for (const { tier, result, by } of counts) {
          counter.labels(tier, result).inc(by);
          reference.labels(tier, result).inc(by);
        }
        expect(sorted((await exposition(registry, accept)).text)).toEqual(sorted((await exposition(theirs, accept)).text));
        expect((await counter.get()).values).toEqual((await reference.get()).values);
      }),
    );
  });

  it('refuses what would make it less, or no number for good', () => {
    const { counter } = setUp();
    for (const by of [-1, NaN, Infinity]) expect(() => { counter.labels('a', 'hit').inc(by); }).toThrow(TypeError); // prettier-ignore
  });

  it('refuses labels that it has not, and shows none of them', async () => {
    const { registry, counter } = setUp();
    for (const values of [['a'], ['a', 'hit', 'more']]) expect(() => counter.labels(...values)).toThrow('2 labels');
    expect(await registry.metrics()).not.toContain('{');
  });

  it('forgets one series and keeps its neighbours; one that comes again begins at nothing', async () => {
    const { registry, counter } = setUp();
    for (const result of ['hit', 'miss']) counter.labels('a', result).inc(3);
    counter.remove({ tier: 'a', result: 'hit' });
    counter.remove({ tier: 'b', result: 'hit' });
    expect(await registry.metrics()).not.toContain('result="hit"');
    counter.labels('a', 'hit').inc();
    const text = await registry.metrics();
    expect(text).toContain('result="hit"} 1');
    expect(text).toContain('result="miss"} 3');
  });
});
