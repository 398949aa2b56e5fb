// What models have done, as the statistics extension of the protocol words it.
import type { Model } from '../models/model.js';
import type { Tally } from '../telemetry/model-statistics.js';

interface Duration {
  readonly count: number;
  readonly ns: number;
}

export interface ModelStats {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<string, Duration>>;
  readonly batch_stats: readonly {
    readonly batch_size: number;
    readonly compute_input: Duration;
    readonly compute_infer: Duration;
    readonly compute_output: Duration;
  }[];
}

export function modelStats({ name, version, metrics }: Model): ModelStats {
  const { statistics } = metrics;
  return {
    name,
    version,
    last_inference: statistics.lastInference,
    inference_count: statistics.rows,
    execution_count: statistics.batches,
    inference_stats: {
      success: duration(statistics.success),
      fail: duration(statistics.failure),
      queue: duration(statistics.queue),
      compute_input: duration(statistics.preprocess),
      compute_infer: duration(statistics.inference),
      // Outputs come back with the run: nothing is measured apart.
      compute_output: { count: statistics.inference.count, ns: 0 },
      cache_hit: duration(statistics.cacheHit),
      cache_miss: duration(statistics.cacheMiss),
    },
    batch_stats: [...statistics.byRows].map(([rows, tally]) => ({
      batch_size: rows,
      compute_input: { count: tally.count, ns: 0 },
      compute_infer: duration(tally),
      compute_output: { count: tally.count, ns: 0 },
    })),
  };
}

function duration({ count, seconds }: Tally): Duration {
  return { count, ns: Math.round(seconds * 1e9) };
}
