// The histogram: what it shows is what prom-client's own shows, and an exemplar leads from a bucket to a trace.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Counter, Histogram as Reference, Registry } from 'prom-client';
import { exposition } from './exposition.js';
import { Histogram } from './histogram.js';

const BUCKETS = [0.001, 0.5, 1, 20];
const config = { name: 'nestor_test_seconds', help: 'A test.', labelNames: ['model', 'version'] as const };

function setUp() {
  const registry = new Registry();
  return { registry, histogram: new Histogram({ ...config, buckets: BUCKETS, registers: [registry] }) };
}

describe('Histogram', () => {
  it("prints what prom-client's own prints for the same observations", async () => {
    const value = fc.oneof(fc.constantFrom(0, ...BUCKETS, 21, -1), fc.double({ min: 0, max: 30, noNaN: true }));
    const observation = fc.tuple(fc.constantFrom('a', 'b "quoted"\n'), value);
    await fc.assert(
      fc.asyncProperty(fc.array(observation), async (observations) => {
        const { registry, histogram } = setUp();
        const theirs = new Registry();
        const reference = new Reference({ ...config, buckets: BUCKETS, registers: [theirs] });
        for (const [model, seconds] of observations) {
          histogram.labels(model, '1').observe(seconds);
          reference.labels(model, '1').observe(seconds);
        }
        const sorted = (text: string): string[] => text.split('\n').sort();
        expect(sorted(await registry.metrics())).toEqual(sorted(await theirs.metrics()));
      }),
    );
  });

  it('refuses what is no number, which would spoil the sum for good', () => {
    const { histogram } = setUp();
    for (const value of [NaN, Infinity]) expect(() => { histogram.labels('a', '1').observe(value); }).toThrow(TypeError); // prettier-ignore
  });

  it('forgets a model that is gone', async () => {
    const { registry, histogram } = setUp();
    histogram.labels('gone', '1').observe(1);
    histogram.remove({ model: 'gone', version: '1' });
    expect(await registry.metrics()).not.toContain('gone');
  });
});

describe('exposition', () => {
  const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

  it('shows the trace of the last traced observation of each bucket, to who can read it', async () => {
    const { registry, histogram } = setUp();
    const series = histogram.labels('a', '1');
    series.observe(0.7, 'a'.repeat(32));
    series.observe(0.6, 'b'.repeat(32));
    series.observe(0.8);
    const { text, type } = await exposition(registry, OPEN_METRICS);
    expect(type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(text).toMatch(/_bucket\{le="1\.0",model="a",version="1"\} 3 # \{trace_id="b{32}"\} 0\.6 \d+/);
    expect(text).not.toContain('aaaa');
    expect(text).toMatch(/# EOF\n$/);
    expect((await exposition(registry, 'text/plain')).text).not.toContain('trace_id');
  });

  it('leaves the classic format as it was: its counters keep their suffix', async () => {
    const { registry } = setUp();
    new Counter({ name: 'nestor_things_total', help: 'Things.', registers: [registry] }).inc(3);
    const before = await exposition(registry, undefined);
    expect((await exposition(registry, OPEN_METRICS)).text).toContain('# TYPE nestor_things counter\nnestor_things_total 3');
    expect(await exposition(registry, undefined)).toEqual(before);
    expect(before.text).toContain('# TYPE nestor_things_total counter\nnestor_things_total 3');
  });

  it.each([undefined, '', '*/*', 'text/plain', 'text/html', 'application/openmetrics-text;version=1.0.0;q=0, */*'])(
    'is classic text for Accept: %p',
    async (accept) => {
      expect((await exposition(setUp().registry, accept)).type).toMatch(/^text\/plain/);
    },
  );
});
