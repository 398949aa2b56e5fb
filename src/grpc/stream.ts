// The HTTP/2 stream of a call, for which the library has no word.
import type { ServerHttp2Stream } from 'node:http2';

/** Undefined where the library keeps it elsewhere. */
export function streamOf(call: object): ServerHttp2Stream | undefined {
  return (call as { stream?: ServerHttp2Stream }).stream;
}

/** Whether nobody hears of it any more. */
export function hasEnded(call: object): boolean {
  const stream = streamOf(call);
  return stream !== undefined && (stream.destroyed || stream.closed);
}
