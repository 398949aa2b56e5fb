// What a session is told: the provider that was asked for and no other, and the measured levers.
import { describe, expect, it } from '@jest/globals';
import { PROVIDERS, sessionOptions } from './session-options.js';

const PLAN = { provider: 'cpu', deviceId: 0, intraOpThreads: 2, spinning: false, entries: {} } as const;

describe('sessionOptions', () => {
  it.each(PROVIDERS)('names %s alone, so that a session fails rather than run elsewhere', (provider) => {
    const { executionProviders } = sessionOptions({ ...PLAN, provider, deviceId: 3 });
    expect(executionProviders).toEqual([provider === 'cpu' ? 'cpu' : { name: provider, deviceId: 3 }]);
  });

  it('gives a session its threads, which neither spin nor plan memory for each new shape', () => {
    expect(sessionOptions(PLAN)).toMatchObject({
      intraOpNumThreads: 2,
      interOpNumThreads: 1,
      enableMemPattern: false,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
  });

  it('lets the threads of a session spin where it is told to', () => {
    expect(sessionOptions({ ...PLAN, spinning: true })).toMatchObject({ extra: { session: { intra_op: { allow_spinning: '1' } } } });
  });

  it('lets threads spin where the plan says so', () => {
    expect(sessionOptions({ ...PLAN, spinning: true }).extra).toEqual({ session: { intra_op: { allow_spinning: '1' } } });
  });

  it('passes the entries of the manifest on, which win', () => {
    const entries = { disable_prepacking: '1', intra_op: { allow_spinning: '1' } } as unknown as Record<string, string>;
    expect(sessionOptions({ ...PLAN, entries }).extra).toEqual({ session: entries });
  });
});
