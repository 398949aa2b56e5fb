// What Nestor keeps on a call while it is under way, by its metadata: that is what interceptors and handlers have in common.
import type { Metadata } from '@grpc/grpc-js';
import type { Caller } from '../access/caller.js';
import type { Declared } from '../access/needs.js';
import type { Timings } from '../inference/prediction.js';
import type { Timeline } from '../telemetry/timeline.js';
import type { Trace } from '../telemetry/tracer.js';

export interface CallRecord {
  /** Who asks; undefined where nobody says. */
  tenant: string | undefined;
  /** Its spans, where it is traced. */
  readonly trace: Trace | undefined;
  /** When it passed which station, once it is decoded. */
  timeline: Timeline | null;
  /** Once it is answered. */
  timings: Timings | null;
  /** Who calls: nobody that may do anything, until it is known. */
  caller: Caller;
  /** What the method asks of them. */
  need: Declared;
  /** Which it asks for, as the client calls it. */
  model?: string | undefined;
  version?: string | undefined;
}

export const callRecords = new WeakMap<Metadata, CallRecord>();
