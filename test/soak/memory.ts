// Memory over time, and whether it grows.

export interface Sample {
  readonly seconds: number;
  readonly mib: number;
}

/** The samples of the second half: caches and pools have filled by then. */
export function secondHalf(samples: readonly Sample[]): Sample[] {
  const end = samples.at(-1)?.seconds ?? 0;
  return samples.filter(({ seconds }) => seconds >= end / 2);
}

/** The steepness of the line through the samples (least squares), in MiB a minute. */
export function slope(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [seconds, mib] = [mean((sample) => sample.seconds), mean((sample) => sample.mib)];
  const spread = samples.reduce((sum, sample) => sum + (sample.seconds - seconds) ** 2, 0);
  return (samples.reduce((sum, sample) => sum + (sample.seconds - seconds) * (sample.mib - mib), 0) / spread) * 60;
}
