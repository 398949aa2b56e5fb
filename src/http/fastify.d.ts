// What Nestor keeps on a request while it is under way.
import type { Timings } from '../inference/prediction.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Where the time of the call went, once it is known. */
    timings: Timings | null;
  }
}
