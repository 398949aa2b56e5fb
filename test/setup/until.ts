// Waits for a condition instead of for a time.
import { setTimeout } from 'node:timers/promises';

const LOOK_AGAIN_MS = 5;
/** Long, for machines that are slow and busy: who waits in vain has failed anyway. */
const DEADLINE_MS = 60_000;

/**
 * Asks until the answer is something, and returns it.
 * @throws Error that says what was waited for once the deadline has passed.
 */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined, deadlineMs = DEADLINE_MS): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  while (performance.now() < deadline) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await setTimeout(LOOK_AGAIN_MS);
  }
  throw new Error(`waited ${deadlineMs} ms in vain: ${what}`);
}
