// A server under one load without a break, a part of it taken out in every other slice of the time.
import { readFileSync } from 'node:fs';

/** Said at each border of slices. */
export interface Mark {
  readonly ms: number;
  /** Of all threads, since the start. */
  readonly cpuMicroseconds: number;
  /** Requests, since the start. */
  readonly answered: number;
}

/** What a slice cost. */
export interface Cost {
  /** Microseconds of CPU of all its threads. */
  readonly perRequest: number;
  readonly requestsPerSecond: number;
}

/** Out, in, in, out: what drifts is the same in both. */
export function isThere(slice: number): boolean {
  return [1, 2].includes(slice % 4);
}

/** @param file one mark a line. @returns the costs without the part, and with it, pair by pair. */
export function costsOf(file: string): [Cost[], Cost[]] {
  const marks = readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Mark);
  const costs: [Cost[], Cost[]] = [[], []];
  for (const [slice, from] of marks.slice(0, -1).entries()) {
    const to = marks[slice + 1] ?? from;
    const requests = to.answered - from.answered;
    costs[isThere(slice) ? 1 : 0].push({
      perRequest: (to.cpuMicroseconds - from.cpuMicroseconds) / requests,
      requestsPerSecond: (requests * 1000) / (to.ms - from.ms),
    });
  }
  return costs;
}
