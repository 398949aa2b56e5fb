// A breaker around what is asked of another process: it ends what takes too long, and leaves alone what keeps failing.
import CircuitBreaker from 'opossum';

/** Half of so many calls failed in ten seconds: it is left alone. After that a trial every `RESET_MS` finds out whether it is well again. */
const BREAKER = { volumeThreshold: 5, errorThresholdPercentage: 50, rollingCountTimeout: 10_000 } as const;
const RESET_MS = 2000;

export type Breaker<A, R> = CircuitBreaker<[A], R>;

/** @param trial what the breaker tries by itself whether all is well again: no request waits for that. */
export function breakerAround<A, R>(work: (argument: A) => Promise<R>, trial: A, timeoutMs: number): Breaker<A, R> {
  const breaker = new CircuitBreaker<[A], R>(work, { ...BREAKER, timeout: timeoutMs, resetTimeout: RESET_MS });
  breaker.on('halfOpen', () => {
    breaker.fire(trial).catch(() => undefined);
  });
  return breaker;
}

/** Whether it is left alone. */
export function isAway({ opened, halfOpen }: Pick<CircuitBreaker, 'opened' | 'halfOpen'>): boolean {
  return opened || halfOpen;
}
