// Waiting for what others wait for too, for as long as the answer is worth something.
import { atDeadline } from '../deadline.js';
import { NestorError } from '../errors.js';

/**
 * What is waited for goes on when the deadline has passed.
 * @param deadline point of `performance.now()`.
 * @throws NestorError DEADLINE_EXCEEDED
 */
export async function inTime<R>(work: Promise<R>, deadline: number | undefined): Promise<R> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = atDeadline(deadline, () => {
    reject(new NestorError('DEADLINE_EXCEEDED', 'The deadline passed before the answer was there'));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
