// Medians and percentiles.

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  return { median: percentile(values, 50), min: Math.min(...values), max: Math.max(...values) };
}

/** Nearest rank, save that the 50th of an even number is the mean of the middle two. NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  const value = sorted[rank - 1] ?? NaN;
  return percent === 50 && sorted.length % 2 === 0 ? (value + (sorted[rank] ?? NaN)) / 2 : value;
}
