// The HTTP/2 stream of a call, for which the library has no word.
import { constants, type ServerHttp2Stream } from 'node:http2';

/** Undefined where the library keeps it elsewhere. */
export function streamOf(call: object): ServerHttp2Stream | undefined {
  return (call as { stream?: ServerHttp2Stream }).stream;
}

/** Whether nobody hears of it any more. */
export function hasEnded(call: object): boolean {
  const stream = streamOf(call);
  return stream !== undefined && (stream.destroyed || stream.closed);
}

/**
 * For a call that has its status while its client may still send: the library leaves the stream, and what came of the message, for as long as
 * the client likes. A turn later: trailers leave in the next one.
 */
export function endBehindStatus(stream: ServerHttp2Stream | undefined): void {
  setImmediate(() => stream?.close(constants.NGHTTP2_NO_ERROR));
}
