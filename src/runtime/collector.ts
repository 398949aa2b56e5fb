// How V8 collects garbage in this process, where its own way costs memory or time.
import { setFlagsFromString } from 'node:v8';

/**
 * Bytes of tensors are no objects: by default 64 MiB of them bring on a collection of the whole heap, however small that is (20 ms of the
 * event loop for 37 MiB). So they count towards the limit that all memory has: 1x3x224x224 floats at 4 clients went from
 * 1,507 to 2,103 requests a second.
 */
const TENSORS_WITH_THE_HEAP = '--external-memory-accounted-in-global-limit';

/**
 * What has grown old before it is garbage (vectors that a full cache lets go of) is there until V8 looks through the whole heap: as it comes, at
 * nearly three times what lives, or every four seconds for a minute. So at twice, as Go does it.
 */
const AT_TWICE_WHAT_LIVES = '--heap-growing-percent=100';

/** To be called once the models are loaded: V8 trusts no compiled code that was cached under other flags, and the first thread would take 75 ms to start in place of 36. */
export function tuneCollector(): void {
  for (const flag of [TENSORS_WITH_THE_HEAP, AT_TWICE_WHAT_LIVES]) setFlagsFromString(flag);
}
