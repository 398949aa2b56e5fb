// What a session is told: the provider that was asked for and no other, and the measured levers.
import { describe, expect, it } from '@jest/globals';
import { preparingOptions, sessionOptions, type SessionEntries } from './session-options.js';

const PLAN = { provider: 'cpu', deviceId: 0, intraOpThreads: 2, spinning: false, prepared: false, entries: {} } as const;

const ENTRIES = { 'intra_op.allow_spinning': '0', set_denormal_as_zero: '1' };

describe('sessionOptions', () => {
  it.each([
    ['cpu', ['cpu']],
    ['cuda', [{ name: 'cuda', deviceId: 3 }]],
    ['tensorrt', [{ name: 'tensorrt', deviceId: 3 }, { name: 'cuda', deviceId: 3 }]], // prettier-ignore
  ] as const)('names %s first and never the CPU behind a GPU, so that a session fails rather than run elsewhere', (provider, named) => {
    expect(sessionOptions({ ...PLAN, provider, deviceId: 3 }).executionProviders).toEqual(named);
  });

  it('gives a session its threads, which neither spin nor plan memory for each new shape', () => {
    expect(sessionOptions(PLAN)).toMatchObject({
      intraOpNumThreads: 2,
      interOpNumThreads: 1,
      enableMemPattern: false,
      extra: { session: ENTRIES },
    });
  });

  it('lets threads spin where the plan says so', () => {
    expect(sessionOptions({ ...PLAN, spinning: true }).extra).toEqual({ session: { ...ENTRIES, 'intra_op.allow_spinning': '1' } });
  });

  it('passes the entries of the manifest on, which win', () => {
    const entries = { disable_prepacking: true, intra_op: { allow_spinning: 1 } };
    const session = { ...ENTRIES, disable_prepacking: '1', 'intra_op.allow_spinning': '1' };
    expect(sessionOptions({ ...PLAN, entries }).extra).toEqual({ session });
  });

  it.each<SessionEntries>([{ intra_op: { thread_affinities: '1;2' } }, { 'intra_op.thread_affinities': '1;2' }])(
    'keeps what %j does not speak of',
    (entries) => {
      expect(sessionOptions({ ...PLAN, entries }).extra).toEqual({
        session: { ...ENTRIES, 'intra_op.thread_affinities': '1;2' },
      });
    },
  );

  it('optimizes a graph once', () => {
    expect(sessionOptions(PLAN).graphOptimizationLevel).toBe('all');
    expect(sessionOptions({ ...PLAN, prepared: true }).graphOptimizationLevel).toBe('disabled');
  });
});

describe('preparingOptions', () => {
  it('write the optimized graph into a folder and its weights beside it, with all that the plan says', () => {
    const options = preparingOptions({ ...PLAN, entries: { disable_gelu: '1' } }, '/prepared', true);
    expect(options).toMatchObject({
      optimizedModelFilePath: '/prepared/model.onnx',
      graphOptimizationLevel: 'all',
      extra: {
        session: {
          disable_gelu: '1',
          optimized_model_external_initializers_file_name: 'model.onnx.data',
          save_external_prepacked_constant_initializers: '1',
        },
      },
    });
  });
});
