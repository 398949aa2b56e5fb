// How soon V8 compiles what serves requests.
import { setFlagsFromString } from 'node:v8';

/**
 * By default V8 compiles a function (with Maglev, its first optimizing compiler) when it was called 400 times, and 500 times since it last met
 * something new. A lone client calls most of them once a request, so that the compilers were at work, on a core that ONNX Runtime wants, from
 * its 400th request to its 1,500th: a p50 of 1.09 and 1.07 times that of FastAPI in requests 150 to 800 of a new process, 1.03 and 1.00 so, 1.00
 * from the 1,500th on without it (all-minilm-l6-v2, one client, twice three new processes each in turns on an EPYC of 2 cores, 2026-12-01).
 * TurboFan, at 3,000, stays where it is: sooner, at 300, the p50 was 1.13. `digits` at 32 clients, seconds 3 to 8 of a new process, medians of
 * six pairs: 6,768 to 7,288 requests a second, p99 17.2 to 9.1 ms.
 */
const CALLS = 60;

/** To be called once the models are loaded, as `tuneCollector`. */
export function compileSoon(): void {
  for (const flag of ['invocation-count-for-maglev', 'minimum-invocations-after-ic-update']) setFlagsFromString(`--${flag}=${CALLS}`);
}
