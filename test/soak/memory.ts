// Memory over time, and whether it grows.
import type { Server } from './server.ts';

export interface Sample {
  readonly seconds: number;
  readonly mib: number;
}

/** Most samples that are compared with each other: half a million pairs. */
const MOST_COMPARED = 1000;

/** Notes the memory of the server every second until it is told to stop. */
export function watch(server: Server, samples: Sample[]): () => void {
  const began = performance.now();
  const timer = setInterval(() => {
    samples.push({ seconds: (performance.now() - began) / 1000, mib: server.memoryMiB });
  }, 1000);
  return () => {
    clearInterval(timer);
  };
}

/** How steeply memory climbs, in MiB a minute: the median of the lines through every two samples (Theil-Sen), which peaks do not move. */
export function slope(samples: readonly Sample[]): number {
  const step = Math.ceil(samples.length / MOST_COMPARED);
  const compared = samples.filter((_, index) => index % step === 0);
  const slopes = compared.flatMap((from, index) =>
    compared.slice(index + 1).map((to) => (to.mib - from.mib) / (to.seconds - from.seconds)),
  );
  return median(slopes) * 60;
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}
