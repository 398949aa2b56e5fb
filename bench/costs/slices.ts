// A server under one load without a break, a part of it taken out in half of the slices of the time.
import { readFileSync } from 'node:fs';

/** Said at each border of slices. */
export interface Mark {
  readonly ms: number;
  /** Of all threads, since the start. */
  readonly cpuMicroseconds: number;
  /** Requests, since the start. */
  readonly answered: number;
}

/** What a request cost. */
export interface Cost {
  /** Microseconds of CPU of all its threads. */
  readonly perRequest: number;
  readonly requestsPerSecond: number;
}

/** What else goes on on a machine changes in seconds: in a quarter of one both meet the same of it. */
export const SLICE_MS = 250;
/** Slices that are compared with each other, half of them without the part. */
export const A_PAIR = 8;

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
  for (let first = 0; first + A_PAIR < marks.length; first += A_PAIR) {
    const pair = marks.slice(first, first + A_PAIR + 1);
    for (const there of [false, true]) costs[there ? 1 : 0].push(costOf(pair, there));
  }
  return costs;
}

function costOf(marks: readonly Mark[], there: boolean): Cost {
  const sum = { ms: 0, cpuMicroseconds: 0, answered: 0 };
  for (const [slice, from] of marks.slice(0, -1).entries()) {
    const to = marks[slice + 1];
    if (!to || isThere(slice) !== there) continue;
    sum.ms += to.ms - from.ms;
    sum.cpuMicroseconds += to.cpuMicroseconds - from.cpuMicroseconds;
    sum.answered += to.answered - from.answered;
  }
  return { perRequest: sum.cpuMicroseconds / sum.answered, requestsPerSecond: (sum.answered * 1000) / sum.ms };
}
