// A timer for a deadline: what has longer than Node's timers can run waits without one.

/** Timers of Node that are longer fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * @param deadline point of `performance.now()`.
 * @returns undefined where there is nothing to clear.
 */
export function atDeadline(deadline: number | undefined, late: () => void): NodeJS.Timeout | undefined {
  if (deadline === undefined) return undefined;
  const remaining = Math.max(0, deadline - performance.now());
  return remaining > LONGEST_TIMER_MS ? undefined : setTimeout(late, remaining);
}
