// What Nestor keeps on a request while it is under way.
import type { Caller } from '../access/caller.js';
import type { ErrorCode } from '../errors.js';
import type { CacheReport, Timings } from '../inference/prediction.js';
import type { Model } from '../models/model.js';
import type { Timeline } from '../telemetry/timeline.js';
import type { Trace } from '../telemetry/tracer.js';

export interface Origin {
  readonly model: Model;
  readonly cache: CacheReport | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Where the time of the call went, once it is known. */
    timings: Timings | null;
    /** When it passed which station, once it is decoded. */
    timeline: Timeline | null;
    /** Its spans, where it is traced. */
    trace: Trace | null;
    /** Why it was refused, or failed. */
    failure: ErrorCode | null;
    /** Which model answered, and what the cache had to do with it. */
    origin: Origin | null;
    /** Who asks; from the first hook on. */
    caller: Caller;
    /** All that its answer depends on; undefined where that is too large, or nothing is remembered. */
    answerKey: string | undefined;
    /** Undefined where there are no tenants. */
    tenant: string | undefined;
  }
}
