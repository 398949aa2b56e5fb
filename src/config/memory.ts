// How much memory there is: what the container may have, or the machine.
import { totalmem } from 'node:os';

const LARGEST_SHARE_BYTES = 2 * 1024 ** 3;

/** What the inputs of requests may hold where nobody says: a quarter of the memory, and no more than V8 keeps texts in. */
export function usualInputsLimit(): number {
  // 0 where there is no limit that Node knows of.
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return Math.min(Math.floor(memory / 4), LARGEST_SHARE_BYTES);
}
