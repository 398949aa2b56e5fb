// What a session is told at its creation: provider, threads, and the levers that were measured.
import type { InferenceSession } from 'onnxruntime-node';

export const PROVIDERS = ['cpu', 'cuda', 'tensorrt'] as const;
export type Provider = (typeof PROVIDERS)[number];

export interface SessionPlan {
  readonly provider: Provider;
  /** Which GPU; without meaning for `cpu`. */
  readonly deviceId: number;
  readonly intraOpThreads: number;
  /** Whether its threads wait for the next operator awake. */
  readonly spinning: boolean;
  /** Further session entries, e.g. `{ disable_prepacking: '1' }`; see onnxruntime_session_options_config_keys.h. */
  readonly entries: Readonly<Record<string, string>>;
}

/**
 * Only the provider that was asked for is named, so that a session whose provider cannot be loaded fails instead of
 * running on the CPU without a word. (ONNX Runtime still places operators that a GPU provider lacks on the CPU.)
 */
export function sessionOptions({ provider, deviceId, intraOpThreads, spinning, entries }: SessionPlan): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider === 'cpu' ? 'cpu' : { name: provider, deviceId }],
    intraOpNumThreads: intraOpThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // A pattern is planned for each new shape: 115 texts/s with it, 252 without, since batches rarely repeat a shape.
    enableMemPattern: false,
    // Errors come back as exceptions, with the request that they belong to; ORT's own lines would only stand beside the log.
    logSeverityLevel: 4,
    // Spinning threads take the cores of the next batch and of the event loop. A session that has all cores anyway answers a lone text
    // in 3.3 ms with it and in 3.9 without.
    extra: { session: { intra_op: { allow_spinning: spinning ? '1' : '0' }, ...entries } },
  };
}
